/*
 * Closed loop of HTTP announces: each connection sends one GET, reads to the end of the stream, checks the answer and is
 * closed; a new one takes its place. Registered peers announce again, each from its own source address, which also
 * spreads the connections over enough ports.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "cpu.h"
#include "lane.h"
#include "phases.h"
#include "report.h"

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

enum {
  REQUEST_BYTES = 512,
  RESPONSE_BYTES = 4096,
  EVENTS = 256,
  WAIT_MS = 100,
  STUCK_SECONDS = 5, /* long enough for two retransmissions of a lost SYN */
  PEER_BYTES = 6,
};

struct connection {
  int fd;
  bool sent;
  struct peer peer;
  uint64_t opened_ns;
  uint32_t length;
  char response[RESPONSE_BYTES + 1];
};

struct http_tally {
  uint64_t completed, peers_returned;
  uint64_t not_connected, broken, bad_status, bad_body, empty, timed_out;
};

struct http {
  const struct options *options;
  const struct population *population;
  int epoll;
  uint64_t random, positions, idle_ns;
  struct connection *connections;
  char (*escaped_hash)[INFO_HASH_BYTES * 3 + 1];
  struct http_tally tally;
};

static void fail(const char *what) {
  fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void escape_hashes(struct http *http) {
  http->escaped_hash = malloc(http->population->hashes * sizeof *http->escaped_hash);
  if (http->escaped_hash == NULL) abort();
  for (uint32_t i = 0; i < http->population->hashes; i++) {
    for (int j = 0; j < INFO_HASH_BYTES; j++)
      sprintf(http->escaped_hash[i] + 3 * j, "%%%02X", http->population->info_hash[i][j]);
  }
}

/* Starts the next announce in this place. */
static void open_connection(struct http *http, struct connection *c) {
  uint32_t source = (uint32_t)random_below(&http->random, http->options->sources);
  c->peer = population_pick(http->population, source, http->positions, &http->random);
  c->sent = false;
  c->length = 0;
  c->opened_ns = now_nanoseconds();
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (c->fd < 0) fail("socket");
  int on = 1;
  setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  struct sockaddr_in self = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + source)};
  if (bind(c->fd, (struct sockaddr *)&self, sizeof self) < 0) fail("bind to a loopback address");
  if (connect(c->fd, (const struct sockaddr *)&http->options->server, sizeof http->options->server) < 0 &&
      errno != EINPROGRESS)
    fail("connect (are the local ports used up? use more --sources)");
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, .data.ptr = c};
  if (epoll_ctl(http->epoll, EPOLL_CTL_ADD, c->fd, &event) < 0) fail("epoll_ctl");
}

static void next_connection(struct http *http, struct connection *c) {
  close(c->fd);
  open_connection(http, c);
}

static bool send_request(struct http *http, struct connection *c) {
  char request[REQUEST_BYTES];
  struct peer peer = c->peer;
  int length = snprintf(request, sizeof request,
                        "GET /announce?info_hash=%s&peer_id=-SB0001-%06u%06u&port=%u&uploaded=0&downloaded=0&left=%u"
                        "&compact=1&numwant=%u HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
                        http->escaped_hash[peer.hash], peer.hash % 1000000, peer.rank % 1000000,
                        peer_port(http->population, peer), peer_is_seeder(peer) ? 0 : 1 << 20, http->options->numwant);
  c->sent = true;
  return send(c->fd, request, (size_t)length, MSG_NOSIGNAL) == length;
}

/* Counts one finished response: status 200, a bencoded dictionary, compact peers. */
static void check_response(struct http *http, struct connection *c) {
  struct http_tally *tally = &http->tally;
  c->response[c->length] = '\0';
  if (strncmp(c->response, "HTTP/1.1 200", 12) != 0 && strncmp(c->response, "HTTP/1.0 200", 12) != 0) {
    tally->bad_status++;
    return;
  }
  char *end = c->response + c->length;
  char *body = strstr(c->response, "\r\n\r\n");
  body = body == NULL ? end : body + 4;
  char *peers = memmem(body, (size_t)(end - body), "5:peers", 7);
  if (body == end || body[0] != 'd' || end[-1] != 'e' || peers == NULL) {
    tally->bad_body++;
    return;
  }
  char *colon;
  unsigned long bytes = strtoul(peers + 7, &colon, 10);
  if (*colon != ':' || bytes % PEER_BYTES != 0 || (size_t)(end - colon) < bytes + 2) {
    tally->bad_body++;
    return;
  }
  struct swarm_size size = population_swarm(http->population, c->peer.hash);
  if (bytes == 0 && size.seeders + size.leechers > 1) tally->empty++;
  tally->completed++;
  tally->peers_returned += bytes / PEER_BYTES;
}

/* Reads what there is; at the end of the stream checks it and starts the next announce. */
static void read_response(struct http *http, struct connection *c) {
  for (;;) {
    ssize_t n = recv(c->fd, c->response + c->length, RESPONSE_BYTES - c->length, 0);
    if (n > 0) {
      c->length += (uint32_t)n;
      if (c->length < RESPONSE_BYTES) continue;
      http->tally.bad_body++;
      return next_connection(http, c);
    }
    if (n < 0 && errno == EAGAIN) return;
    if (n == 0) check_response(http, c);
    else http->tally.broken++;
    return next_connection(http, c);
  }
}

static void handle(struct http *http, struct connection *c, uint32_t events) {
  if (events & EPOLLERR && !c->sent) {
    http->tally.not_connected++;
    return next_connection(http, c);
  }
  if (!c->sent && events & EPOLLOUT && !send_request(http, c)) {
    http->tally.broken++;
    return next_connection(http, c);
  }
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) read_response(http, c);
}

static uint64_t turn(struct http *http, uint64_t now) {
  struct epoll_event events[EVENTS];
  int count = epoll_wait(http->epoll, events, EVENTS, 0);
  if (count == 0) {
    if (http->options->sleep) count = epoll_wait(http->epoll, events, EVENTS, WAIT_MS);
    http->idle_ns += now_nanoseconds() - now;
  }
  for (int i = 0; i < count; i++) handle(http, events[i].data.ptr, events[i].events);
  return now_nanoseconds();
}

static void drop_stuck(struct http *http, uint64_t now) {
  for (uint32_t i = 0; i < http->options->connections; i++) {
    struct connection *c = &http->connections[i];
    if (now - c->opened_ns < STUCK_SECONDS * 1000000000ull) continue;
    http->tally.timed_out++;
    next_connection(http, c);
  }
}

static uint64_t run_until(struct http *http, uint64_t now, uint64_t until) {
  uint64_t next_check = now;
  while (now < until) {
    now = turn(http, now);
    if (now < next_check) continue;
    next_check = now + WAIT_MS * 1000000ull;
    drop_stuck(http, now);
  }
  return now;
}

static int report(const struct http *http, double seconds, struct server_ticks server) {
  const struct http_tally *tally = &http->tally;
  uint64_t errors = tally->not_connected + tally->broken + tally->bad_status + tally->bad_body + tally->empty +
                    tally->timed_out;
  report_begin("http");
  report_number("perSecond", (double)tally->completed / seconds);
  report_number("seconds", seconds);
  report_number("loadIdle", (double)http->idle_ns / 1e9 / seconds);
  report_server(server, http->options);
  report_count("acknowledged", tally->completed);
  report_number("peersPerReply",
                tally->completed > 0 ? (double)tally->peers_returned / (double)tally->completed : 0);
  report_count("notConnected", tally->not_connected);
  report_count("broken", tally->broken);
  report_count("badStatus", tally->bad_status);
  report_count("badBody", tally->bad_body);
  report_count("empty", tally->empty);
  report_count("timedOut", tally->timed_out);
  report_count("errors", errors);
  return report_end(errors == 0 && tally->completed > 0);
}

int run_http(const struct options *options, const struct population *population) {
  struct http http = {.options = options, .population = population, .epoll = epoll_create1(0), .random = 0x5eed};
  if (http.epoll < 0) fail("epoll_create1");
  http.positions = population_positions(population);
  http.connections = calloc(options->connections, sizeof *http.connections);
  if (http.connections == NULL) abort();
  escape_hashes(&http);
  for (uint32_t i = 0; i < options->connections; i++) open_connection(&http, &http.connections[i]);
  uint64_t now = now_nanoseconds();
  now = run_until(&http, now, now + (uint64_t)(options->warmup_seconds * 1e9));
  http.tally = (struct http_tally){0};
  http.idle_ns = 0;
  struct server_ticks server = server_ticks_now(options);
  uint64_t began = now;
  now = run_until(&http, now, now + (uint64_t)(options->seconds * 1e9));
  for (uint32_t i = 0; i < options->connections; i++) close(http.connections[i].fd);
  close(http.epoll);
  free(http.connections);
  free(http.escaped_hash);
  return report(&http, (double)(now - began) / 1e9, server);
}
