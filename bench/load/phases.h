/* The phases that load.c can run. Each prints one JSON line and returns the exit code: 0, or 1 if anything was wrong. */
#ifndef PHASES_H
#define PHASES_H

#include "options.h"
#include "population.h"

int run_arrivals(const struct options *options, const struct population *population);
int run_steady(const struct options *options, const struct population *population);
int run_paced(const struct options *options, const struct population *population);
int run_ready(const struct options *options, const struct population *population);
int run_verify(const struct options *options, const struct population *population);
int run_http(const struct options *options, const struct population *population);

#endif
