/*
 * Scrapes (BEP 15), compared with what was registered.
 *
 *   verify   every swarm: is anything lost?
 *   ready    asks a server that is just starting until the first swarms are answered correctly
 */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "lane.h"
#include "phases.h"
#include "report.h"

enum {
  HASHES_PER_SCRAPE = 70, /* 74 fit one datagram (BEP 15) */
  ACTION_SCRAPE = 2,
  HEADER_BYTES = 8,
  ENTRY_BYTES = 12, /* seeders, completed, leechers */
  ATTEMPTS = 20,
  WAIT_MS = 250,
  SCRAPE_REPLY_BYTES = 2048,
  READY_SECONDS = 60,
  READY_RETRY_US = 2000,
};

struct census {
  uint64_t found, missing, surplus, wrong_swarms, unanswered;
};

struct scraper {
  const struct population *population;
  int fd;
  uint64_t connection_id;
};

/* Asks for `count` swarms from `first` on until the reply to this very request came; false after ATTEMPTS. */
static bool scrape(const struct scraper *s, uint32_t first, uint32_t count, uint8_t *reply) {
  uint8_t request[16 + HASHES_PER_SCRAPE * INFO_HASH_BYTES];
  memcpy(request, &s->connection_id, sizeof s->connection_id);
  store32(request + 8, ACTION_SCRAPE);
  store32(request + 12, first + 1);
  memcpy(request + 16, s->population->info_hash[first], (size_t)count * INFO_HASH_BYTES);
  for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
    send(s->fd, request, 16 + (size_t)count * INFO_HASH_BYTES, 0);
    struct pollfd readable = {.fd = s->fd, .events = POLLIN};
    while (poll(&readable, 1, WAIT_MS) > 0) {
      ssize_t got = recv(s->fd, reply, SCRAPE_REPLY_BYTES, MSG_DONTWAIT);
      if (got < 0) break;
      if ((size_t)got == HEADER_BYTES + count * ENTRY_BYTES && load32(reply) == ACTION_SCRAPE &&
          memcmp(reply + 4, request + 12, 4) == 0)
        return true;
    }
  }
  return false;
}

static void compare(struct census *census, struct swarm_size expected, const uint8_t *entry) {
  uint32_t seeders = load32(entry), leechers = load32(entry + 8);
  uint64_t want = expected.seeders + expected.leechers, got = (uint64_t)seeders + leechers;
  census->found += got;
  if (got < want) census->missing += want - got;
  if (got > want) census->surplus += got - want;
  if (seeders != expected.seeders || leechers != expected.leechers) census->wrong_swarms++;
}

/* Scrapes `count` swarms from `first` on and adds them to the census; false when the server does not answer. */
static bool take_census(const struct scraper *s, uint32_t first, uint32_t count, struct census *census) {
  uint8_t reply[SCRAPE_REPLY_BYTES];
  if (!scrape(s, first, count, reply)) {
    census->unanswered++;
    return false;
  }
  for (uint32_t i = 0; i < count; i++)
    compare(census, population_swarm(s->population, first + i), reply + HEADER_BYTES + i * ENTRY_BYTES);
  return true;
}

static uint32_t swarms_from(const struct population *population, uint32_t first) {
  uint32_t left = population->hashes - first;
  return left < HASHES_PER_SCRAPE ? left : HASHES_PER_SCRAPE;
}

int run_ready(const struct options *options, const struct population *population) {
  uint64_t began = now_nanoseconds(), deadline = began + READY_SECONDS * 1000000000ull;
  struct scraper scraper = {population, open_source_socket(options, 0), 0};
  scraper.connection_id = connect_to_tracker(scraper.fd, READY_SECONDS);
  bool correct = false;
  while (!correct && now_nanoseconds() < deadline) {
    struct census census = {0};
    correct = take_census(&scraper, 0, swarms_from(population, 0), &census) && census.wrong_swarms == 0;
    if (!correct) usleep(READY_RETRY_US);
  }
  close(scraper.fd);
  report_begin("ready");
  report_number("seconds", (double)(now_nanoseconds() - began) / 1e9);
  return report_end(correct);
}

int run_verify(const struct options *options, const struct population *population) {
  uint64_t began = now_nanoseconds();
  struct scraper scraper = {population, open_source_socket(options, 0), 0};
  scraper.connection_id = connect_to_tracker(scraper.fd, CONNECT_SECONDS);
  struct census census = {0};
  for (uint32_t first = 0; first < population->hashes; first += HASHES_PER_SCRAPE)
    if (!take_census(&scraper, first, swarms_from(population, first), &census)) break;
  close(scraper.fd);
  report_begin("verify");
  report_number("seconds", (double)(now_nanoseconds() - began) / 1e9);
  report_count("expected", population->peers);
  report_count("found", census.found);
  report_count("missing", census.missing);
  report_count("surplus", census.surplus);
  report_count("wrongSwarms", census.wrong_swarms);
  report_count("unansweredScrapes", census.unanswered);
  return report_end(census.wrong_swarms == 0 && census.unanswered == 0);
}
