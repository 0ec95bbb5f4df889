#include "population.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t splitmix(uint64_t x) {
  x += 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

void population_init(struct population *p, uint32_t peers, uint32_t hashes, uint32_t sources) {
  if (peers == 0 || hashes == 0 || sources == 0 || sources > MAX_SOURCES ||
      (peers + (uint64_t)hashes - 1) / hashes > (uint64_t)sources * PORTS_PER_SOURCE) {
    fprintf(stderr, "load: %u peers in %u swarms do not fit %u sources; use more --sources (at most %d) or --hashes\n",
            peers, hashes, sources, MAX_SOURCES);
    exit(2);
  }
  p->peers = peers;
  p->hashes = hashes;
  p->sources = sources;
  p->info_hash = malloc((size_t)hashes * INFO_HASH_BYTES);
  if (p->info_hash == NULL) abort();
  for (uint32_t i = 0; i < hashes; i++) {
    uint64_t words[3] = {splitmix(3ull * i), splitmix(3ull * i + 1), splitmix(3ull * i + 2)};
    memcpy(p->info_hash[i], words, INFO_HASH_BYTES);
  }
}

struct swarm_size population_swarm(const struct population *p, uint32_t hash) {
  uint32_t size = p->peers / p->hashes + (hash < p->peers % p->hashes ? 1 : 0);
  uint32_t seeders = (size + SEEDER_EVERY - 1) / SEEDER_EVERY;
  return (struct swarm_size){.seeders = seeders, .leechers = size - seeders};
}

uint64_t population_positions(const struct population *p) {
  uint64_t ranks = (p->peers + (uint64_t)p->hashes - 1) / p->hashes;
  return (ranks + p->sources - 1) / p->sources * p->hashes;
}
