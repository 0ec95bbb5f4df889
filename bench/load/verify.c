/* Scrapes every swarm (BEP 15) and compares seeders and leechers with what was registered: is anything lost? */
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
};

struct census {
  uint64_t expected, found, missing, surplus, wrong_swarms, unanswered;
};

/* Asks until a reply to this very request came; returns false after ATTEMPTS. */
static bool scrape(int fd, const uint8_t *request, size_t length, uint8_t *reply, size_t expected) {
  for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
    send(fd, request, length, 0);
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    while (poll(&readable, 1, WAIT_MS) > 0) {
      ssize_t got = recv(fd, reply, SCRAPE_REPLY_BYTES, MSG_DONTWAIT);
      if (got < 0) break;
      if ((size_t)got == expected && load32(reply) == ACTION_SCRAPE && memcmp(reply + 4, request + 12, 4) == 0)
        return true;
    }
  }
  return false;
}

static void compare(struct census *census, struct swarm_size expected, const uint8_t *entry) {
  uint32_t seeders = load32(entry), leechers = load32(entry + 8);
  uint64_t want = expected.seeders + expected.leechers, got = (uint64_t)seeders + leechers;
  census->expected += want;
  census->found += got;
  if (got < want) census->missing += want - got;
  if (got > want) census->surplus += got - want;
  if (seeders != expected.seeders || leechers != expected.leechers) census->wrong_swarms++;
}

int run_verify(const struct options *options, const struct population *population) {
  int fd = open_source_socket(options, 0);
  uint64_t began = now_nanoseconds();
  uint64_t id = connect_to_tracker(fd);
  struct census census = {0};
  for (uint32_t first = 0; first < population->hashes; first += HASHES_PER_SCRAPE) {
    uint32_t left = population->hashes - first;
    uint32_t count = left < HASHES_PER_SCRAPE ? left : HASHES_PER_SCRAPE;
    uint8_t request[16 + HASHES_PER_SCRAPE * INFO_HASH_BYTES], reply[SCRAPE_REPLY_BYTES];
    memcpy(request, &id, sizeof id);
    store32(request + 8, ACTION_SCRAPE);
    store32(request + 12, first + 1);
    memcpy(request + 16, population->info_hash[first], (size_t)count * INFO_HASH_BYTES);
    if (!scrape(fd, request, 16 + (size_t)count * INFO_HASH_BYTES, reply, HEADER_BYTES + count * ENTRY_BYTES)) {
      census.unanswered++;
      break;
    }
    for (uint32_t i = 0; i < count; i++)
      compare(&census, population_swarm(population, first + i), reply + HEADER_BYTES + i * ENTRY_BYTES);
  }
  close(fd);
  report_begin("verify");
  report_number("seconds", (double)(now_nanoseconds() - began) / 1e9);
  report_count("expected", census.expected);
  report_count("found", census.found);
  report_count("missing", census.missing);
  report_count("surplus", census.surplus);
  report_count("wrongSwarms", census.wrong_swarms);
  report_count("unansweredScrapes", census.unanswered);
  return report_end(census.wrong_swarms == 0 && census.unanswered == 0);
}
