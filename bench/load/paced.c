/*
 * Open loop: steady announces at a fixed rate, whatever the server does, and how long each reply took.
 *
 * An announce is timed from the moment it was due, not from the moment it left, so a server that stalls is charged for
 * every announce that the stall held up (no coordinated omission). What was lost or is never answered counts with the
 * time it waited in vain. When this program itself was held up, the schedule moves on by as much: the server is not
 * charged for that, nor flooded afterwards.
 */
#include "cpu.h"
#include "lane.h"
#include "phases.h"
#include "report.h"

enum {
  SLOTS_PER_LANE = 4096,
  DRAIN_NS = 1000 * 1000 * 1000, /* after the last announce is due, wait so long for what is missing */
  TIMEOUT_CHECK_NS = 10 * 1000 * 1000,
  OWN_PAUSE_NS = 1000 * 1000, /* a pass never waits; one that took longer was this program being held up */
  /* Histogram: microseconds, exact below 128, then 64 buckets for each doubling (error below 1.6 %). */
  BUCKET_BITS = 6,
  BUCKETS = 27 << BUCKET_BITS,
};

struct histogram {
  uint64_t counts[BUCKETS];
  uint64_t total;
  uint64_t max_us;
};

static uint32_t bucket_of(uint64_t us) {
  if (us < 2u << BUCKET_BITS) return (uint32_t)us;
  uint32_t shift = (uint32_t)(63 - __builtin_clzll(us)) - BUCKET_BITS;
  uint64_t bucket = ((uint64_t)shift << BUCKET_BITS) + (us >> shift);
  return bucket < BUCKETS ? (uint32_t)bucket : BUCKETS - 1;
}

static uint64_t bucket_start_us(uint32_t bucket) {
  if (bucket < 2u << BUCKET_BITS) return bucket;
  uint32_t shift = (bucket >> BUCKET_BITS) - 1;
  return (uint64_t)(bucket - (shift << BUCKET_BITS)) << shift;
}

static void record(struct histogram *h, uint64_t waited_ns) {
  uint64_t us = waited_ns / 1000;
  h->counts[bucket_of(us)]++;
  h->total++;
  if (us > h->max_us) h->max_us = us;
}

static void record_reply(void *context, const struct slot *slot, uint64_t now_ns) {
  record(context, now_ns - slot->due_ns);
}

static double percentile_us(const struct histogram *h, double share) {
  uint64_t rank = (uint64_t)((double)h->total * share);
  uint64_t seen = 0;
  for (uint32_t i = 0; i < BUCKETS; i++) {
    seen += h->counts[i];
    if (seen > rank) return (double)bucket_start_us(i);
  }
  return (double)h->max_us;
}

struct schedule {
  double interval_ns;
  uint64_t began_ns;
  uint64_t issued;
  uint64_t wanted;
};

static uint64_t due_ns(const struct schedule *s) {
  return s->began_ns + (uint64_t)((double)s->issued * s->interval_ns);
}

/* Sends whatever is due, one lane after the other. An announce without a free slot stays due. */
static void send_due(struct announcer *a, struct schedule *s, uint64_t positions, uint64_t *random, uint64_t now) {
  while (s->issued < s->wanted && due_ns(s) <= now) {
    struct lane *lane = &a->lanes[s->issued % a->options->sources];
    if (lane->free_count == 0) break;
    struct peer peer = population_pick(a->population, lane->source, positions, random);
    lane_announce(a, lane, peer, due_ns(s), now);
    s->issued++;
  }
  for (uint32_t i = 0; i < a->options->sources; i++) lane_flush(a, &a->lanes[i]);
}

/* What was never answered, or never left, has waited at least until now. */
static void record_unanswered(const struct announcer *a, struct schedule *s, struct histogram *h, uint64_t now) {
  for (uint32_t i = 0; i < a->options->sources; i++) {
    const struct lane *lane = &a->lanes[i];
    for (uint32_t j = 0; j < lane->slot_count; j++)
      if (lane->slots[j].transaction != 0) record(h, now - lane->slots[j].due_ns);
  }
  for (; s->issued < s->wanted; s->issued++) record(h, now > due_ns(s) ? now - due_ns(s) : 0);
}

int run_paced(const struct options *options, const struct population *population) {
  static struct announcer a = {.everyone_registered = true};
  static struct histogram histogram;
  announcer_open(&a, options, population, SLOTS_PER_LANE);
  uint64_t positions = population_positions(population);
  uint64_t random = 0x5eed;
  struct schedule schedule = {.interval_ns = 1e9 / options->rate,
                              .began_ns = now_nanoseconds(),
                              .wanted = (uint64_t)(options->rate * options->seconds)};
  struct server_ticks server = server_ticks_now(options);
  uint64_t own_cpu_ns = own_cpu_nanoseconds(), really_began = schedule.began_ns;
  uint64_t now = schedule.began_ns, next_check = 0;
  uint64_t give_up = now + (uint64_t)(options->seconds * 1e9) + DRAIN_NS;
  while (a.tally.acknowledged < schedule.wanted && now < give_up) {
    send_due(&a, &schedule, positions, &random, now);
    for (uint32_t i = 0; i < options->sources; i++) lane_receive(&a, &a.lanes[i], record_reply, &histogram);
    uint64_t before = now;
    now = now_nanoseconds();
    if (now - before > OWN_PAUSE_NS) {
      schedule.began_ns += now - before;
      give_up += now - before;
    }
    if (now < next_check) continue;
    next_check = now + TIMEOUT_CHECK_NS;
    for (uint32_t i = 0; i < options->sources; i++) lane_check_timeouts(&a, &a.lanes[i], now);
  }
  own_cpu_ns = own_cpu_nanoseconds() - own_cpu_ns;
  uint64_t unanswered = schedule.wanted - a.tally.acknowledged;
  record_unanswered(&a, &schedule, &histogram, now);
  report_begin("rate");
  report_number("perSecond", (double)a.tally.acknowledged / ((double)(now - schedule.began_ns) / 1e9));
  report_number("wantedPerSecond", options->rate);
  report_server(server, options);
  report_number("p50Us", percentile_us(&histogram, 0.50));
  report_number("p99Us", percentile_us(&histogram, 0.99));
  report_number("p999Us", percentile_us(&histogram, 0.999));
  report_number("maxUs", (double)histogram.max_us);
  report_number("loadHeldUp", 1 - (double)own_cpu_ns / (double)(now - really_began));
  report_count("unanswered", unanswered);
  int code = report_tally(&a.tally, a.tally.acknowledged > 0);
  announcer_close(&a);
  return code;
}
