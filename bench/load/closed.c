/*
 * Closed loops: a fixed number of announces in flight, a new one for each reply.
 *
 *   arrivals   every peer once; ends when all are acknowledged
 *   steady     random registered peers again, for some seconds after a warm-up
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#include "cpu.h"
#include "lane.h"
#include "phases.h"
#include "report.h"

enum {
  POLL_MS = 20,
  TIMEOUT_CHECK_NS = 10 * 1000 * 1000,
  STALLED_SECONDS = 15, /* arrivals give up when nothing was acknowledged for so long */
  MAX_SLICES = 4096,
  FIRST_BURST = 4,      /* announces a lane starts with; then two for each reply until all slots are in use */
};

/* Acknowledgements in each slice of a measurement, for what happens in the middle of one. */
struct slices {
  uint64_t counts[MAX_SLICES];
  uint32_t used;
  uint64_t began_ns;
  uint64_t next_ns; /* when the open slice ends */
  uint64_t counted; /* acknowledged until the last one ended */
};

struct loop {
  struct announcer announcer;
  uint64_t positions;
  uint64_t next_position[MAX_SOURCES]; /* arrivals: where each lane stands */
  uint64_t random[MAX_SOURCES];        /* steady: one generator a lane */
  struct server_ticks server;          /* when the measurement began */
  uint64_t own_cpu_ns;                 /* then, too */
  uint64_t idle_ns;                    /* spent with nothing to receive */
  uint64_t next_timeout_check_ns;
  struct slices slices;
};

static bool next_arrival(struct loop *loop, const struct lane *lane, struct peer *peer) {
  uint64_t *position = &loop->next_position[lane->source];
  while (*position < loop->positions) {
    if (population_at(loop->announcer.population, lane->source, (*position)++, peer)) return true;
  }
  return false;
}

/*
 * The load grows from a small burst: filling every slot at once overflows the receive buffer of a server that keeps the
 * kernel's default, and the losses would leave most slots waiting for their timeout.
 */
static void refill(struct loop *loop, struct lane *lane, uint32_t at_most, uint64_t now) {
  struct announcer *a = &loop->announcer;
  for (; lane->free_count > 0 && at_most > 0; at_most--) {
    struct peer peer;
    if (!a->arriving) peer = population_pick(a->population, lane->source, loop->positions, &loop->random[lane->source]);
    else if (!next_arrival(loop, lane, &peer)) break;
    lane_announce(a, lane, peer, now, now);
  }
  lane_flush(a, lane);
}

static void sleep_until_readable(const struct announcer *a) {
  struct pollfd readable[MAX_SOURCES];
  for (uint32_t i = 0; i < a->options->sources; i++) readable[i] = (struct pollfd){a->lanes[i].fd, POLLIN, 0};
  poll(readable, a->options->sources, POLL_MS);
}

/*
 * One pass over all lanes. Returns the time after it.
 *
 * A pass takes at least turn_us: waiting a little gathers replies into batches, which keeps this program cheap, and far
 * less than all that is in flight, so the server never runs dry. Waiting spins by default, because waking a sleeper
 * would cost the server, whose send does it, more than many an announce.
 */
static uint64_t turn(struct loop *loop, uint64_t now) {
  struct announcer *a = &loop->announcer;
  const struct options *options = a->options;
  int received = 0;
  for (uint32_t i = 0; i < options->sources; i++) {
    int count = lane_receive(a, &a->lanes[i], NULL, NULL);
    if (count > 0) refill(loop, &a->lanes[i], 2 * (uint32_t)count, now);
    received += count;
  }
  uint64_t worked = now_nanoseconds(), after = worked;
  if (!options->sleep) {
    while (after < now + options->turn_ns) after = now_nanoseconds();
  } else if (received == 0) {
    sleep_until_readable(a);
    after = now_nanoseconds();
  }
  loop->idle_ns += after - (received == 0 ? now : worked);
  if (after > loop->next_timeout_check_ns) {
    loop->next_timeout_check_ns = after + TIMEOUT_CHECK_NS;
    for (uint32_t i = 0; i < options->sources; i++) lane_check_timeouts(a, &a->lanes[i], after);
  }
  return after;
}

static uint64_t start(struct loop *loop, const struct options *options, const struct population *population) {
  struct announcer *a = &loop->announcer;
  announcer_open(a, options, population, options->in_flight);
  loop->positions = population_positions(population);
  for (uint32_t i = 0; i < options->sources; i++) loop->random[i] = 0x5eed + i;
  uint64_t now = now_nanoseconds();
  for (uint32_t i = 0; i < options->sources; i++) refill(loop, &a->lanes[i], FIRST_BURST, now);
  return now;
}

static void count_slice(struct slices *slices, const struct options *options, uint64_t acknowledged, uint64_t now) {
  if (options->slice_ns == 0 || slices->used == MAX_SLICES || now < slices->next_ns) return;
  slices->counts[slices->used++] = acknowledged - slices->counted;
  slices->counted = acknowledged;
  /* A slice that this program slept through stays empty, so that the others keep their places. */
  for (slices->next_ns += options->slice_ns; now >= slices->next_ns && slices->used < MAX_SLICES;
       slices->next_ns += options->slice_ns)
    slices->counts[slices->used++] = 0;
}

static int finish(struct loop *loop, const char *phase, double per_second, double seconds, bool complete) {
  struct announcer *a = &loop->announcer;
  report_begin(phase);
  report_number("perSecond", per_second);
  report_number("seconds", seconds);
  report_number("loadIdle", (double)loop->idle_ns / 1e9 / seconds);
  if (!a->options->sleep)
    report_number("loadHeldUp", 1 - (double)(own_cpu_nanoseconds() - loop->own_cpu_ns) / 1e9 / seconds);
  report_server(loop->server, a->options);
  if (loop->slices.used > 0) {
    report_count("beganNs", loop->slices.began_ns);
    report_counts("slices", loop->slices.counts, loop->slices.used);
  }
  int code = report_tally(&a->tally, complete);
  announcer_close(a);
  return code;
}

/*
 * The rate is taken when 99 % are acknowledged: the last announces of a server that drops some wait for a retransmission
 * each, which would measure the timeout.
 */
int run_arrivals(const struct options *options, const struct population *population) {
  static struct loop loop;
  struct tally *tally = &loop.announcer.tally;
  loop.announcer.arriving = true;
  uint64_t nearly_all = population->peers - population->peers / 100;
  loop.server = server_ticks_now(options);
  loop.own_cpu_ns = own_cpu_nanoseconds();
  uint64_t began = start(&loop, options, population);
  uint64_t now = began, progress_ns = began, last = 0;
  double per_second = 0;
  while (tally->acknowledged + tally->refused + tally->malformed < population->peers) {
    now = turn(&loop, now);
    if (per_second == 0 && tally->acknowledged >= nearly_all)
      per_second = (double)tally->acknowledged / ((double)(now - began) / 1e9);
    if (tally->acknowledged != last) progress_ns = now;
    else if (now - progress_ns > STALLED_SECONDS * 1000000000ull) break;
    last = tally->acknowledged;
  }
  return finish(&loop, "arrivals", per_second, (double)(now - began) / 1e9, tally->acknowledged == population->peers);
}

int run_steady(const struct options *options, const struct population *population) {
  static struct loop loop;
  struct tally *tally = &loop.announcer.tally;
  loop.announcer.everyone_registered = true;
  uint64_t now = start(&loop, options, population);
  uint64_t measured_from = now + (uint64_t)(options->warmup_seconds * 1e9);
  while (now < measured_from) now = turn(&loop, now);
  *tally = (struct tally){0};
  loop.idle_ns = 0;
  loop.server = server_ticks_now(options);
  loop.own_cpu_ns = own_cpu_nanoseconds();
  uint64_t began = now, until = now + (uint64_t)(options->seconds * 1e9);
  loop.slices.began_ns = began;
  loop.slices.next_ns = began + options->slice_ns;
  while (now < until) {
    now = turn(&loop, now);
    count_slice(&loop.slices, options, tally->acknowledged, now);
  }
  double seconds = (double)(now - began) / 1e9;
  return finish(&loop, "steady", (double)tally->acknowledged / seconds, seconds, tally->acknowledged > 0);
}
