/*
 * The population: who the peers of a benchmark are.
 *
 * A tracker takes a peer's address from the packet, so all that can differ between peers on one machine is the
 * source address (127.0.0.x), the announced port and the swarm. This module numbers peers so that each (info-hash,
 * source, port) is used once, and so that any phase, in any process, can name the same peers again without a table:
 * a peer is (hash, rank), where rank counts the peers within one swarm.
 *
 *   source = (rank + hash) mod sources      port = a fixed shuffle of rank / sources
 *   one peer in five (rank mod 5 = 0) is a seeder
 */
#ifndef POPULATION_H
#define POPULATION_H

#include <stdbool.h>
#include <stdint.h>

enum {
  INFO_HASH_BYTES = 20,
  MAX_SOURCES = 64,          /* 127.0.0.1 .. 127.0.0.64 */
  PORTS_PER_SOURCE = 64512,  /* 1024 .. 65535 */
  SEEDER_EVERY = 5,
};

struct population {
  uint32_t peers;
  uint32_t hashes;
  uint32_t sources;
  uint8_t (*info_hash)[INFO_HASH_BYTES];
};

struct peer {
  uint32_t hash;
  uint32_t rank;
};

/* What a tracker should say of one swarm when every peer of the population is registered. */
struct swarm_size {
  uint32_t seeders;
  uint32_t leechers;
};

/* Exits with code 2 when the numbers do not fit: at most sources * PORTS_PER_SOURCE peers a swarm. */
void population_init(struct population *p, uint32_t peers, uint32_t hashes, uint32_t sources);

struct swarm_size population_swarm(const struct population *p, uint32_t hash);

/* Rounds of population_at that together name every peer of one source. */
uint64_t population_positions(const struct population *p);

/*
 * The peer at `position` (0 <= position < population_positions) in the list of one source. False when the position
 * is empty, which happens only in the last round.
 */
static inline bool population_at(const struct population *p, uint32_t source, uint64_t position, struct peer *peer) {
  uint32_t hash = (uint32_t)(position % p->hashes);
  uint32_t turn = (source + p->sources - hash % p->sources) % p->sources;
  uint32_t rank = (uint32_t)(position / p->hashes) * p->sources + turn;
  peer->hash = hash;
  peer->rank = rank;
  return (uint64_t)rank * p->hashes + hash < p->peers;
}

static inline uint32_t peer_source(const struct population *p, struct peer peer) {
  return (peer.rank + peer.hash) % p->sources;
}

/* 25013 has no factor in common with PORTS_PER_SOURCE, so within a swarm the ports are a permutation. */
static inline uint16_t peer_port(const struct population *p, struct peer peer) {
  return (uint16_t)(1024 + (peer.rank / p->sources * 25013u + peer.hash * 7919u) % PORTS_PER_SOURCE);
}

static inline bool peer_is_seeder(struct peer peer) { return peer.rank % SEEDER_EVERY == 0; }

/* xorshift64*: fast, repeatable; the state must not be 0. */
static inline uint64_t random_next(uint64_t *state) {
  uint64_t x = *state;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  *state = x;
  return x * 0x2545F4914F6CDD1Dull;
}

static inline uint64_t random_below(uint64_t *state, uint64_t bound) {
  return (uint64_t)(((unsigned __int128)random_next(state) * bound) >> 64);
}

/* A random registered peer of one source. */
static inline struct peer population_pick(const struct population *p, uint32_t source, uint64_t positions,
                                          uint64_t *state) {
  struct peer peer;
  while (!population_at(p, source, random_below(state, positions), &peer)) {
  }
  return peer;
}

#endif
