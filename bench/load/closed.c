/*
 * Closed loops: a fixed number of announces in flight, a new one for each reply.
 *
 *   arrivals   every peer once; ends when all are acknowledged
 *   steady     random registered peers again, for some seconds after a warm-up
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#include "lane.h"
#include "phases.h"
#include "report.h"

enum {
  POLL_MS = 20,
  TIMEOUT_CHECK_NS = 100 * 1000 * 1000,
  STALLED_SECONDS = 15, /* arrivals give up when nothing was acknowledged for so long */
};

struct loop {
  struct announcer announcer;
  uint64_t positions;
  uint64_t next_position[MAX_SOURCES]; /* arrivals: where each lane stands */
  uint64_t random[MAX_SOURCES];        /* steady: one generator a lane */
  uint64_t idle_ns;                    /* spent with nothing to receive */
  uint64_t next_timeout_check_ns;
};

static bool next_arrival(struct loop *loop, const struct lane *lane, struct peer *peer) {
  uint64_t *position = &loop->next_position[lane->source];
  while (*position < loop->positions) {
    if (population_at(loop->announcer.population, lane->source, (*position)++, peer)) return true;
  }
  return false;
}

static void refill(struct loop *loop, struct lane *lane, uint64_t now) {
  struct announcer *a = &loop->announcer;
  while (lane->free_count > 0) {
    struct peer peer;
    if (!a->arriving) peer = population_pick(a->population, lane->source, loop->positions, &loop->random[lane->source]);
    else if (!next_arrival(loop, lane, &peer)) break;
    lane_announce(a, lane, peer, now);
  }
  lane_flush(a, lane);
}

static void wait_for_replies(const struct announcer *a) {
  struct pollfd readable[MAX_SOURCES];
  for (uint32_t i = 0; i < a->options->sources; i++) readable[i] = (struct pollfd){a->lanes[i].fd, POLLIN, 0};
  poll(readable, a->options->sources, POLL_MS);
}

/* One pass over all lanes. Returns the time after it. */
static uint64_t turn(struct loop *loop, uint64_t now) {
  struct announcer *a = &loop->announcer;
  int received = 0;
  for (uint32_t i = 0; i < a->options->sources; i++) {
    int count = lane_receive(a, &a->lanes[i], NULL, NULL);
    if (count > 0) refill(loop, &a->lanes[i], now);
    received += count;
  }
  if (received == 0 && !a->options->spin) wait_for_replies(a);
  uint64_t after = now_nanoseconds();
  if (received == 0) loop->idle_ns += after - now;
  if (after > loop->next_timeout_check_ns) {
    loop->next_timeout_check_ns = after + TIMEOUT_CHECK_NS;
    for (uint32_t i = 0; i < a->options->sources; i++) lane_check_timeouts(a, &a->lanes[i], after);
  }
  return after;
}

static uint64_t start(struct loop *loop, const struct options *options, const struct population *population) {
  struct announcer *a = &loop->announcer;
  announcer_open(a, options, population, options->in_flight);
  loop->positions = population_positions(population);
  for (uint32_t i = 0; i < options->sources; i++) loop->random[i] = 0x5eed + i;
  uint64_t now = now_nanoseconds();
  for (uint32_t i = 0; i < options->sources; i++) refill(loop, &a->lanes[i], now);
  return now;
}

static int finish(struct loop *loop, const char *phase, double seconds, bool complete) {
  struct announcer *a = &loop->announcer;
  report_begin(phase);
  report_number("perSecond", (double)a->tally.acknowledged / seconds);
  report_number("seconds", seconds);
  report_number("loadIdle", (double)loop->idle_ns / 1e9 / seconds);
  int code = report_tally(&a->tally, complete);
  announcer_close(a);
  return code;
}

int run_arrivals(const struct options *options, const struct population *population) {
  static struct loop loop;
  struct tally *tally = &loop.announcer.tally;
  loop.announcer.arriving = true;
  uint64_t began = start(&loop, options, population);
  uint64_t now = began, progress_ns = began, last = 0;
  while (tally->acknowledged + tally->refused + tally->malformed < population->peers) {
    now = turn(&loop, now);
    if (tally->acknowledged != last) progress_ns = now;
    else if (now - progress_ns > STALLED_SECONDS * 1000000000ull) break;
    last = tally->acknowledged;
  }
  return finish(&loop, "arrivals", (double)(now - began) / 1e9, tally->acknowledged == population->peers);
}

int run_steady(const struct options *options, const struct population *population) {
  static struct loop loop;
  loop.announcer.everyone_registered = true;
  uint64_t now = start(&loop, options, population);
  uint64_t measured_from = now + (uint64_t)(options->warmup_seconds * 1e9);
  while (now < measured_from) now = turn(&loop, now);
  loop.announcer.tally = (struct tally){0};
  loop.idle_ns = 0;
  uint64_t began = now, until = now + (uint64_t)(options->seconds * 1e9);
  while (now < until) now = turn(&loop, now);
  return finish(&loop, "steady", (double)(now - began) / 1e9, loop.announcer.tally.acknowledged > 0);
}
