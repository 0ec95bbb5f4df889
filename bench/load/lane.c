#include "lane.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

/* Offsets in a BEP 15 announce request. */
enum {
  AT_CONNECTION = 0,
  AT_ACTION = 8,
  AT_TRANSACTION = 12,
  AT_INFO_HASH = 16,
  AT_PEER_ID = 36,
  AT_PEER_NUMBER = 44, /* "-SB0001-", then hash and rank, then 4 constant bytes */
  AT_LEFT = 64,
  AT_EVENT = 80,
  AT_KEY = 88,
  AT_NUMWANT = 92,
  AT_PORT = 96,
};

enum {
  ACTION_CONNECT = 0,
  ACTION_ANNOUNCE = 1,
  ACTION_ERROR = 3,
  EVENT_NONE = 0,
  EVENT_STARTED = 2,
  CONNECT_TRANSACTION = 0x636f6e6e, /* slots use the low 16 bits below MAX_IN_FLIGHT with generations that skip it */
  CONNECT_RETRY_MS = 5,
  HEADER_BYTES = 20, /* of an announce reply, before the peers */
  PEER_BYTES = 6,
};

static void fail(const char *what) {
  fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
  exit(1);
}

int open_source_socket(const struct options *options, uint32_t source) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0) fail("socket");
  int bytes = SOCKET_BUFFER_BYTES;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  struct sockaddr_in self = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + source)};
  if (bind(fd, (struct sockaddr *)&self, sizeof self) < 0) fail("bind to a loopback address");
  if (connect(fd, (const struct sockaddr *)&options->server, sizeof options->server) < 0) fail("connect");
  return fd;
}

static void send_connect(int fd) {
  uint8_t request[16];
  store32(request, 0x417);
  store32(request + 4, 0x27101980);
  store32(request + AT_ACTION, ACTION_CONNECT);
  store32(request + AT_TRANSACTION, CONNECT_TRANSACTION);
  send(fd, request, sizeof request, 0);
}

static bool is_connect_reply(const uint8_t *reply, size_t length) {
  return length == 16 && load32(reply) == ACTION_CONNECT && load32(reply + 4) == CONNECT_TRANSACTION;
}

uint64_t connect_to_tracker(int fd, double seconds) {
  uint64_t deadline = now_nanoseconds() + (uint64_t)(seconds * 1e9);
  while (now_nanoseconds() < deadline) {
    send_connect(fd);
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    poll(&readable, 1, CONNECT_RETRY_MS);
    uint8_t reply[REPLY_BYTES];
    ssize_t length = recv(fd, reply, sizeof reply, MSG_DONTWAIT);
    if (length > 0 && is_connect_reply(reply, (size_t)length)) {
      uint64_t id;
      memcpy(&id, reply + 8, sizeof id);
      return id;
    }
    if (length < 0 && errno == ECONNREFUSED) usleep(CONNECT_RETRY_MS * 1000);
  }
  fprintf(stderr, "load: the server did not answer a connect request within %g s\n", seconds);
  exit(1);
}

static void prepare_packet(const struct announcer *a, uint8_t *packet) {
  memset(packet, 0, ANNOUNCE_BYTES);
  store32(packet + AT_ACTION, ACTION_ANNOUNCE);
  memcpy(packet + AT_PEER_ID, "-SB0001-", 8);
  memcpy(packet + AT_PEER_NUMBER + 8, "load", 4);
  store32(packet + AT_EVENT, a->arriving ? EVENT_STARTED : EVENT_NONE);
  store32(packet + AT_NUMWANT, a->options->numwant);
}

static void set_connection(struct lane *lane, uint64_t id) {
  lane->connection_id = id;
  for (int i = 0; i < BATCH; i++) memcpy(lane->batch[i] + AT_CONNECTION, &id, sizeof id);
}

static void lane_open(struct announcer *a, struct lane *lane, uint32_t source, uint32_t slots) {
  lane->source = source;
  lane->fd = open_source_socket(a->options, source);
  lane->slot_count = lane->free_count = slots;
  lane->slots = calloc(slots, sizeof *lane->slots);
  lane->free_slots = calloc(slots, sizeof *lane->free_slots);
  if (lane->slots == NULL || lane->free_slots == NULL) abort();
  for (uint32_t i = 0; i < slots; i++) lane->free_slots[i] = slots - 1 - i;
  for (int i = 0; i < BATCH; i++) {
    prepare_packet(a, lane->batch[i]);
    lane->out[i] = (struct iovec){lane->batch[i], ANNOUNCE_BYTES};
    lane->outgoing[i].msg_hdr = (struct msghdr){.msg_iov = &lane->out[i], .msg_iovlen = 1};
    lane->in[i] = (struct iovec){lane->reply[i], REPLY_BYTES};
    lane->incoming[i].msg_hdr = (struct msghdr){.msg_iov = &lane->in[i], .msg_iovlen = 1};
  }
  if (!a->options->echo) set_connection(lane, connect_to_tracker(lane->fd, CONNECT_SECONDS));
  lane->connected_ns = now_nanoseconds();
}

void announcer_open(struct announcer *a, const struct options *options, const struct population *population,
                    uint32_t slots_per_lane) {
  a->options = options;
  a->population = population;
  a->lanes = calloc(options->sources, sizeof *a->lanes);
  a->registered_leechers = calloc(population->hashes, sizeof *a->registered_leechers);
  if (a->lanes == NULL || a->registered_leechers == NULL) abort();
  for (uint32_t i = 0; i < options->sources; i++) lane_open(a, &a->lanes[i], i, slots_per_lane);
}

void announcer_close(struct announcer *a) {
  for (uint32_t i = 0; i < a->options->sources; i++) {
    close(a->lanes[i].fd);
    free(a->lanes[i].slots);
    free(a->lanes[i].free_slots);
  }
  free(a->lanes);
  free(a->registered_leechers);
}

static bool others_registered(const struct announcer *a, struct peer peer) {
  if (a->options->echo) return false;
  if (a->arriving) return a->registered_leechers[peer.hash] > 0;
  struct swarm_size size = population_swarm(a->population, peer.hash);
  return size.seeders + size.leechers > 1;
}

/* Slot in the low half, a count of its uses in the high half, so that a late reply is not taken for the next one. */
static uint32_t next_transaction(struct lane *lane, uint32_t slot) {
  lane->generation = (lane->generation + 1) & 0x7fff;
  if (lane->generation == 0 || lane->generation == CONNECT_TRANSACTION >> 16) lane->generation++;
  return lane->generation << 16 | slot;
}

static void put_in_batch(struct announcer *a, struct lane *lane, const struct slot *slot) {
  uint8_t *packet = lane->batch[lane->batched++];
  struct peer peer = slot->peer;
  store32(packet + AT_TRANSACTION, slot->transaction);
  memcpy(packet + AT_INFO_HASH, a->population->info_hash[peer.hash], INFO_HASH_BYTES);
  store32(packet + AT_PEER_NUMBER, peer.hash);
  store32(packet + AT_PEER_NUMBER + 4, peer.rank);
  store32(packet + AT_LEFT + 4, peer_is_seeder(peer) ? 0 : 1 << 20);
  store32(packet + AT_KEY, peer.hash ^ peer.rank << 16);
  uint16_t port = htons(peer_port(a->population, peer));
  memcpy(packet + AT_PORT, &port, sizeof port);
  if (lane->batched == BATCH) lane_flush(a, lane);
}

void lane_announce(struct announcer *a, struct lane *lane, struct peer peer, uint64_t due_ns, uint64_t now_ns) {
  uint32_t index = lane->free_slots[--lane->free_count];
  struct slot *slot = &lane->slots[index];
  slot->peer = peer;
  slot->transaction = next_transaction(lane, index);
  slot->expect_peers = others_registered(a, peer);
  slot->due_ns = due_ns;
  slot->sent_ns = now_ns;
  put_in_batch(a, lane, slot);
}

static void send_as_segments(struct lane *lane) {
  struct iovec whole = {lane->batch, (size_t)lane->batched * ANNOUNCE_BYTES};
  union {
    struct cmsghdr header;
    uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))];
  } control = {0};
  struct msghdr message = {
      .msg_iov = &whole, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.bytes};
  struct cmsghdr *c = CMSG_FIRSTHDR(&message);
  c->cmsg_level = IPPROTO_UDP;
  c->cmsg_type = UDP_SEGMENT;
  c->cmsg_len = CMSG_LEN(sizeof(uint16_t));
  uint16_t size = ANNOUNCE_BYTES;
  memcpy(CMSG_DATA(c), &size, sizeof size);
  if (sendmsg(lane->fd, &message, 0) < 0 && errno != ECONNREFUSED) fail("send (try --no-segment)");
}

static void send_one_by_one(struct lane *lane) {
  for (uint32_t sent = 0; sent < lane->batched;) {
    int n = sendmmsg(lane->fd, lane->outgoing + sent, lane->batched - sent, 0);
    if (n < 0 && errno != ECONNREFUSED) fail("send");
    sent += n < 0 ? 1 : (uint32_t)n;
  }
}

/* A refused send means that the server is gone; the announces wait for their timeout like any lost ones. */
void lane_flush(struct announcer *a, struct lane *lane) {
  if (lane->batched == 0) return;
  a->tally.sent += lane->batched;
  if (a->options->segment) send_as_segments(lane);
  else send_one_by_one(lane);
  lane->batched = 0;
}

static void check_counts(struct announcer *a, const struct slot *slot, const uint8_t *reply) {
  if (!a->everyone_registered || a->options->echo) return;
  struct swarm_size size = population_swarm(a->population, slot->peer.hash);
  if (load32(reply + 12) != size.leechers || load32(reply + 16) != size.seeders) a->tally.miscounted++;
}

/* Returns the acknowledged slot, or NULL when the reply answers nothing that is in flight. */
static struct slot *check_reply(struct announcer *a, struct lane *lane, const uint8_t *reply, uint32_t length) {
  struct tally *tally = &a->tally;
  if (length < 8) return tally->malformed++, NULL;
  if (is_connect_reply(reply, length)) {
    uint64_t id;
    memcpy(&id, reply + 8, sizeof id);
    return set_connection(lane, id), NULL;
  }
  uint32_t action = load32(reply);
  uint32_t transaction = load32(reply + 4);
  uint32_t index = transaction & 0xffff;
  if (index >= lane->slot_count) return tally->malformed++, NULL;
  struct slot *slot = &lane->slots[index];
  if (slot->transaction != transaction) return tally->late++, NULL;
  if (action == ACTION_ERROR) {
    tally->refused++;
    return slot;
  }
  uint32_t peers = (length - HEADER_BYTES) / PEER_BYTES;
  if (action != ACTION_ANNOUNCE || length < HEADER_BYTES || (length - HEADER_BYTES) % PEER_BYTES != 0 ||
      peers > a->options->numwant) {
    tally->malformed++;
    return slot;
  }
  if (peers == 0 && slot->expect_peers) tally->empty++;
  check_counts(a, slot, reply);
  tally->acknowledged++;
  tally->peers_returned += peers;
  if (a->arriving && !peer_is_seeder(slot->peer)) a->registered_leechers[slot->peer.hash]++;
  return slot;
}

int lane_receive(struct announcer *a, struct lane *lane, on_acknowledged *acknowledged, void *context) {
  int count = recvmmsg(lane->fd, lane->incoming, BATCH, MSG_DONTWAIT, NULL);
  if (count < 0) {
    if (errno != EAGAIN && errno != ECONNREFUSED && errno != EINTR) fail("receive");
    return 0;
  }
  uint64_t now = acknowledged != NULL ? now_nanoseconds() : 0;
  for (int i = 0; i < count; i++) {
    struct slot *slot = check_reply(a, lane, lane->reply[i], lane->incoming[i].msg_len);
    if (slot == NULL) continue;
    if (acknowledged != NULL) acknowledged(context, slot, now);
    slot->transaction = 0;
    lane->free_slots[lane->free_count++] = (uint32_t)(slot - lane->slots);
  }
  return count;
}

void lane_check_timeouts(struct announcer *a, struct lane *lane, uint64_t now_ns) {
  uint64_t timeout_ns = (uint64_t)(a->options->timeout_ms * 1e6);
  uint32_t retransmitted = 0;
  for (uint32_t i = 0; i < lane->slot_count && retransmitted < BATCH; i++) {
    uint32_t index = lane->next_check;
    struct slot *slot = &lane->slots[index];
    lane->next_check = index + 1 == lane->slot_count ? 0 : index + 1;
    if (slot->transaction == 0 || now_ns < slot->sent_ns + timeout_ns) continue;
    retransmitted++;
    slot->transaction = next_transaction(lane, index);
    slot->sent_ns = now_ns;
    a->tally.retransmitted++;
    put_in_batch(a, lane, slot);
  }
  lane_flush(a, lane);
  if (!a->options->echo && now_ns - lane->connected_ns > CONNECT_EVERY_SECONDS * 1000000000ull) {
    lane->connected_ns = now_ns;
    send_connect(lane->fd);
  }
}
