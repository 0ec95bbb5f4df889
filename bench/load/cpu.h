/* Who used the cores: whether the server or the load was the limit, and whether others were in the way. */
#ifndef CPU_H
#define CPU_H

#include <stdint.h>

#include "options.h"

/* Counts in ticks (100 a second), all since boot. */
struct server_ticks {
  uint64_t core_busy;
  uint64_t core_all;
  uint64_t process; /* 0 when --server-pid was not given */
};

/* What the server's core and process have used so far. */
struct server_ticks server_ticks_now(const struct options *options);

/*
 * Writes, as shares of the time since `before`: serverBusy, in which the server's core worked, and othersOnServerCore,
 * in which it worked for somebody else (only with --server-pid).
 */
void report_server(struct server_ticks before, const struct options *options);

/* Processor time of this program. While it spins, what is missing to the time passed was taken by others. */
uint64_t own_cpu_nanoseconds(void);

#endif
