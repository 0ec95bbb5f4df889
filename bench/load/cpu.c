#include "cpu.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "report.h"

enum { LINE_BYTES = 1024 };

static void read_core(struct server_ticks *ticks, uint32_t cpu) {
  FILE *file = fopen("/proc/stat", "r");
  if (file == NULL) return;
  char line[LINE_BYTES];
  while (fgets(line, sizeof line, file) != NULL) {
    uint32_t number;
    uint64_t user, nice, system, idle, iowait, irq, softirq, steal;
    if (sscanf(line,
               "cpu%" SCNu32 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
               " %" SCNu64,
               &number, &user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal) != 9 ||
        number != cpu)
      continue;
    ticks->core_busy = user + nice + system + irq + softirq + steal;
    ticks->core_all = ticks->core_busy + idle + iowait;
    break;
  }
  fclose(file);
}

static void read_process(struct server_ticks *ticks, uint32_t pid) {
  char path[64], line[LINE_BYTES];
  snprintf(path, sizeof path, "/proc/%" PRIu32 "/stat", pid);
  FILE *file = fopen(path, "r");
  if (file == NULL) return;
  char *name_end = fgets(line, sizeof line, file) == NULL ? NULL : strrchr(line, ')');
  uint64_t user, system;
  /* utime and stime are the 12th and 13th fields after the name, which may hold spaces. */
  if (name_end != NULL && sscanf(name_end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
                                 &user, &system) == 2)
    ticks->process = user + system;
  fclose(file);
}

struct server_ticks server_ticks_now(const struct options *options) {
  struct server_ticks ticks = {0};
  read_core(&ticks, options->server_cpu);
  if (options->server_pid != 0) read_process(&ticks, options->server_pid);
  return ticks;
}

void report_server(struct server_ticks before, const struct options *options) {
  struct server_ticks now = server_ticks_now(options);
  double all = (double)(now.core_all - before.core_all);
  double busy = all > 0 ? (double)(now.core_busy - before.core_busy) / all : 0;
  report_number("serverBusy", busy);
  if (options->server_pid == 0 || all == 0) return;
  double others = busy - (double)(now.process - before.process) / all;
  report_number("othersOnServerCore", others > 0 ? others : 0);
}

uint64_t own_cpu_nanoseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}
