/*
 * A lane: one UDP socket bound to one source address, with a fixed number of announces in flight.
 *
 * Everything that can be prepared is: each place of the outgoing batch holds a finished 98-byte announce, and only
 * the fields that say which peer it is are written again. A batch leaves in one system call.
 */
#ifndef LANE_H
#define LANE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

#include "options.h"
#include "population.h"

enum {
  ANNOUNCE_BYTES = 98,
  BATCH = 64,           /* datagrams per system call; UDP_SEGMENT allows no more on older kernels */
  REPLY_BYTES = 512,    /* room for one reply; longer ones count as malformed */
  MAX_IN_FLIGHT = 1 << 16,
  SOCKET_BUFFER_BYTES = 4 << 20,
  CONNECT_SECONDS = 5, /* a server that does not answer for so long is taken for dead */
  CONNECT_EVERY_SECONDS = 45, /* a connection id is valid for 2 minutes (BEP 15); renewed long before */
};

/* What happened to the announces of a phase. Everything after `late` is an error of the server or of this program. */
struct tally {
  uint64_t sent;
  uint64_t acknowledged;
  uint64_t peers_returned;
  uint64_t retransmitted; /* not answered within the timeout, sent again */
  uint64_t late;          /* replies to announces that had been given up */
  uint64_t refused;       /* error replies (action 3) */
  uint64_t malformed;     /* wrong action, size or unknown transaction */
  uint64_t empty;         /* no peers although the swarm has others */
  uint64_t miscounted;    /* seeders or leechers not what was registered */
};

struct slot {
  struct peer peer;
  uint32_t transaction; /* 0 while the slot is free */
  bool expect_peers;
  uint64_t due_ns;  /* when it should have left: what a latency is counted from */
  uint64_t sent_ns; /* when it last left: what a timeout is counted from */
};

struct lane {
  int fd;
  uint32_t source;
  uint64_t connection_id; /* as it came, network order */
  uint64_t connected_ns;
  uint32_t generation;
  struct slot *slots;
  uint32_t slot_count;
  uint32_t *free_slots;
  uint32_t free_count;
  uint32_t next_check; /* the slot at which the next search for timeouts begins */
  uint32_t batched; /* announces in `batch` that have not left yet */
  uint8_t batch[BATCH][ANNOUNCE_BYTES];
  struct iovec out[BATCH];
  struct mmsghdr outgoing[BATCH];
  uint8_t reply[BATCH][REPLY_BYTES];
  struct iovec in[BATCH];
  struct mmsghdr incoming[BATCH];
};

/* What every lane of a phase shares. */
struct announcer {
  const struct options *options;
  const struct population *population;
  struct lane *lanes; /* options->sources of them */
  struct tally tally;
  bool everyone_registered;      /* counts in replies are checked against the whole population */
  bool arriving;                 /* event "started", and `registered` is kept */
  uint16_t *registered_leechers; /* per swarm, acknowledged ones; only while arriving */
};

typedef void on_acknowledged(void *context, const struct slot *slot, uint64_t now_ns);

/* Opens and connects the lanes; exits with code 1 when the server does not answer. */
void announcer_open(struct announcer *a, const struct options *options, const struct population *population,
                    uint32_t slots_per_lane);
void announcer_close(struct announcer *a);

/* Adds an announce of `peer` to the batch; the batch is sent when it is full. Needs a free slot. */
void lane_announce(struct announcer *a, struct lane *lane, struct peer peer, uint64_t due_ns, uint64_t now_ns);
void lane_flush(struct announcer *a, struct lane *lane);

/* Takes one batch of replies without waiting; returns how many datagrams came. */
int lane_receive(struct announcer *a, struct lane *lane, on_acknowledged *acknowledged, void *context);

/*
 * Sends again what has waited longer than the timeout, and renews an ageing connection id. At most one batch a call: more
 * at once would only be lost again by a server with a small receive buffer.
 */
void lane_check_timeouts(struct announcer *a, struct lane *lane, uint64_t now_ns);

/* A socket bound to 127.0.0.(source + 1) and connected to the server. */
int open_source_socket(const struct options *options, uint32_t source);

/*
 * BEP 15 connect, repeated every few milliseconds; exits with code 1 when nothing answers within `seconds`. Returns the
 * connection id as it came.
 */
uint64_t connect_to_tracker(int fd, double seconds);

static inline uint64_t now_nanoseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static inline void store32(uint8_t *at, uint32_t value) {
  value = __builtin_bswap32(value);
  __builtin_memcpy(at, &value, 4);
}

static inline uint32_t load32(const uint8_t *at) {
  uint32_t value;
  __builtin_memcpy(&value, at, 4);
  return __builtin_bswap32(value);
}

#endif
