/*
 * The load generator of the tracker benchmarks.
 *
 *   load hashes   prints the info-hashes of the population, one a line, in hex
 *   load arrivals --port N      each peer announces once (UDP), closed loop
 *   load steady   --port N      registered peers announce again, closed loop
 *   load rate     --port N      the same at a fixed rate, with latencies
 *   load ready    --port N      waits until a restarted server answers a scrape correctly
 *   load verify   --port N      scrapes everything and compares it with what was registered
 *   load http     --port N      registered peers announce again over HTTP, one connection each
 *
 * Every phase prints one JSON object and exits with 0; with 1 when an answer was wrong or missing (or nothing answered),
 * with 2 when it was called wrongly. load/population.h says who the peers are, load/lane.h how announces leave and replies are checked.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load/lane.h"
#include "load/phases.h"

enum {
  MAX_NUMWANT = 80, /* so that a reply fits REPLY_BYTES */
  MAX_CONNECTIONS = 4096,
};

static void usage(const char *problem) {
  fprintf(stderr,
          "load: %s\n"
          "usage: load hashes|arrivals|steady|rate|ready|verify|http --port N [--host 127.x.x.x] [--peers 1000000]\n"
          "            [--hashes 20000] [--sources 4] [--in-flight 64] [--connections 64] [--numwant 30]\n"
          "            [--seconds 5] [--warmup 0.5] [--rate N] [--timeout-ms 250] [--turn-us 50] [--slice-ms N]\n"
          "            [--server-cpu 0] [--server-pid N] [--echo] [--sleep] [--no-segment]\n",
          problem);
  exit(2);
}

static double number(const char *text, double low, double high) {
  char *end;
  double value = strtod(text, &end);
  if (*text == '\0' || *end != '\0' || !(value >= low && value <= high)) {
    char problem[128];
    snprintf(problem, sizeof problem, "'%.40s' is not a number from %g to %g", text, low, high);
    usage(problem);
  }
  return value;
}

/* Only loopback: this program floods whatever it is pointed at. */
static void set_host(struct options *o, const char *text) {
  if (inet_pton(AF_INET, text, &o->server.sin_addr) != 1 || ntohl(o->server.sin_addr.s_addr) >> 24 != 127)
    usage("--host must be an address in 127.0.0.0/8");
}

static const struct option long_options[] = {
    {"port", required_argument, NULL, 'p'},        {"host", required_argument, NULL, 'h'},
    {"peers", required_argument, NULL, 'n'},       {"hashes", required_argument, NULL, 'H'},
    {"sources", required_argument, NULL, 's'},     {"in-flight", required_argument, NULL, 'f'},
    {"connections", required_argument, NULL, 'c'}, {"numwant", required_argument, NULL, 'w'},
    {"seconds", required_argument, NULL, 'S'},     {"warmup", required_argument, NULL, 'W'},
    {"rate", required_argument, NULL, 'r'},        {"timeout-ms", required_argument, NULL, 't'},
    {"echo", no_argument, NULL, 'e'},              {"sleep", no_argument, NULL, 'i'},
    {"server-cpu", required_argument, NULL, 'C'},  {"server-pid", required_argument, NULL, 'P'},
    {"turn-us", required_argument, NULL, 'u'},     {"slice-ms", required_argument, NULL, 'l'},
    {"no-segment", no_argument, NULL, 'g'},        {0},
};

static void parse(struct options *o, int argc, char **argv) {
  int letter;
  while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
    switch (letter) {
      case 'p': o->server.sin_port = htons((uint16_t)number(optarg, 1, 65535)); break;
      case 'h': set_host(o, optarg); break;
      case 'n': o->peers = (uint32_t)number(optarg, 1, 100e6); break;
      case 'H': o->hashes = (uint32_t)number(optarg, 1, 10e6); break;
      case 's': o->sources = (uint32_t)number(optarg, 1, MAX_SOURCES); break;
      case 'f': o->in_flight = (uint32_t)number(optarg, 1, MAX_IN_FLIGHT); break;
      case 'c': o->connections = (uint32_t)number(optarg, 1, MAX_CONNECTIONS); break;
      case 'w': o->numwant = (uint32_t)number(optarg, 1, MAX_NUMWANT); break;
      case 'S': o->seconds = number(optarg, 0.01, 3600); break;
      case 'W': o->warmup_seconds = number(optarg, 0, 3600); break;
      case 'r': o->rate = number(optarg, 1, 10e6); break;
      case 't': o->timeout_ms = number(optarg, 1, 600e3); break;
      case 'C': o->server_cpu = (uint32_t)number(optarg, 0, 4095); break;
      case 'P': o->server_pid = (uint32_t)number(optarg, 1, 1 << 30); break;
      case 'u': o->turn_ns = (uint64_t)(number(optarg, 0, 1e6) * 1e3); break;
      case 'l': o->slice_ns = (uint64_t)(number(optarg, 1, 60e3) * 1e6); break;
      case 'e': o->echo = true; break;
      case 'i': o->sleep = true; break;
      case 'g': o->segment = false; break;
      default: usage("unknown option");
    }
  }
  if (optind != argc - 1) usage("name one phase");
  o->phase = argv[optind];
}

static int print_hashes(const struct population *population) {
  for (uint32_t i = 0; i < population->hashes; i++) {
    for (int j = 0; j < INFO_HASH_BYTES; j++) printf("%02x", population->info_hash[i][j]);
    putchar('\n');
  }
  return 0;
}

int main(int argc, char **argv) {
  struct options options = {.server = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
                            .peers = 1000000,
                            .hashes = 20000,
                            .sources = 4,
                            .in_flight = 64,
                            .connections = 64,
                            .numwant = 30,
                            .seconds = 5,
                            .warmup_seconds = 0.5,
                            .timeout_ms = 250,
                            .turn_ns = 50 * 1000,
                            .segment = true};
  parse(&options, argc, argv);
  struct population population;
  population_init(&population, options.peers, options.hashes, options.sources);
  if (strcmp(options.phase, "hashes") == 0) return print_hashes(&population);
  if (options.server.sin_port == 0) usage("--port is missing");
  if (strcmp(options.phase, "arrivals") == 0) return run_arrivals(&options, &population);
  if (strcmp(options.phase, "steady") == 0) return run_steady(&options, &population);
  if (strcmp(options.phase, "ready") == 0) return run_ready(&options, &population);
  if (strcmp(options.phase, "verify") == 0) return run_verify(&options, &population);
  if (strcmp(options.phase, "http") == 0) return run_http(&options, &population);
  if (strcmp(options.phase, "rate") != 0) usage("unknown phase");
  if (options.rate == 0) usage("--rate is missing");
  return run_paced(&options, &population);
}
