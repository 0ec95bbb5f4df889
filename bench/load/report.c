#include "report.h"

#include <inttypes.h>
#include <stdio.h>

void report_begin(const char *phase) { printf("{\"phase\":\"%s\"", phase); }

void report_number(const char *name, double value) { printf(",\"%s\":%.3f", name, value); }

void report_count(const char *name, uint64_t value) { printf(",\"%s\":%" PRIu64, name, value); }

void report_counts(const char *name, const uint64_t *values, uint32_t count) {
  printf(",\"%s\":[", name);
  for (uint32_t i = 0; i < count; i++) printf(i == 0 ? "%" PRIu64 : ",%" PRIu64, values[i]);
  putchar(']');
}

int report_end(bool ok) {
  printf(",\"ok\":%s}\n", ok ? "true" : "false");
  fflush(stdout);
  return ok ? 0 : 1;
}

int report_tally(const struct tally *tally, bool complete) {
  uint64_t errors = tally->refused + tally->malformed + tally->empty + tally->miscounted;
  report_count("acknowledged", tally->acknowledged);
  report_number("peersPerReply",
                tally->acknowledged > 0 ? (double)tally->peers_returned / (double)tally->acknowledged : 0);
  report_count("retransmitted", tally->retransmitted);
  report_count("late", tally->late);
  report_count("refused", tally->refused);
  report_count("malformed", tally->malformed);
  report_count("empty", tally->empty);
  report_count("miscounted", tally->miscounted);
  report_count("errors", errors);
  return report_end(complete && errors == 0);
}
