#include "cpu.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

struct cpu_time cpu_time_of(uint32_t cpu) {
  struct cpu_time time = {0};
  FILE *file = fopen("/proc/stat", "r");
  if (file == NULL) return time;
  char line[512];
  while (fgets(line, sizeof line, file) != NULL) {
    uint32_t number;
    uint64_t user, nice, system, idle, iowait, irq, softirq, steal;
    if (sscanf(line,
               "cpu%" SCNu32 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
               " %" SCNu64,
               &number, &user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal) != 9 ||
        number != cpu)
      continue;
    time.busy_ticks = user + nice + system + irq + softirq + steal;
    time.all_ticks = time.busy_ticks + idle + iowait;
    break;
  }
  fclose(file);
  return time;
}

uint64_t own_cpu_nanoseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

double cpu_busy_since(struct cpu_time before, uint32_t cpu) {
  struct cpu_time now = cpu_time_of(cpu);
  uint64_t all = now.all_ticks - before.all_ticks;
  return all == 0 ? 0 : (double)(now.busy_ticks - before.busy_ticks) / (double)all;
}
