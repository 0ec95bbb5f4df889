/* One JSON object a line on standard output. */
#ifndef REPORT_H
#define REPORT_H

#include "lane.h"

void report_begin(const char *phase);
void report_number(const char *name, double value);
void report_count(const char *name, uint64_t value);
void report_counts(const char *name, const uint64_t *values, uint32_t count);

/* Writes "ok" and ends the line; returns the exit code of the phase. */
int report_end(bool ok);

/* Writes the tally and ends the line. `complete`: the phase did all that it had to. */
int report_tally(const struct tally *tally, bool complete);

#endif
