/* How busy a core was, to see whether the server or the load was the limit, and whether others were in the way. */
#ifndef CPU_H
#define CPU_H

#include <stdint.h>

struct cpu_time {
  uint64_t busy_ticks;
  uint64_t all_ticks;
};

/* Counts since boot of one processor (/proc/stat), at 100 ticks a second; zeros when there is no such processor. */
struct cpu_time cpu_time_of(uint32_t cpu);

/* Processor time of this program. While it spins, what is missing to the time passed was taken by others. */
uint64_t own_cpu_nanoseconds(void);

/* Share of the time since `before` in which the processor worked, 0 to 1. */
double cpu_busy_since(struct cpu_time before, uint32_t cpu);

#endif
