/*
 * An Ethernet switch for tests: forwards frames among network interfaces, and treats each of them as the test wants.
 *
 *   switch SEED NAME=INTERFACE,FAR-END ...
 *
 * Each port is one end of a veth pair; checksum and segmentation offloading are switched off at both ends, because
 * frames leave here as they came. The test moves the far end to a namespace of its own once the switch is ready.
 *
 * Each pair of ports has one path in each direction. Lines on stdin set them:
 *
 *   path FROM TO nothing|groups|everything LOSS DUPLICATES DELAY JITTER
 *
 * that is what is blocked (groups: multicast, but for broadcast, without which nobody finds anybody), how many frames
 * in a thousand are lost and how many come twice, and how long a frame takes: DELAY microseconds, and up to JITTER more
 * drawn for each, so that they overtake each other. `counts` prints what happened to the frames of each path. Every
 * line on stdout is JSON; each command is answered with {"done":N}, counted from 1. The end of stdin ends the switch.
 *
 * What happens to the nth frame of a path since it was set depends on the seed alone.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  MAX_PORTS = 16,
  /* Frames that wait for their time; one more is lost and counted. */
  MAX_HELD = 16384,
  /* MTU of 1500 and the header, and room for a tag. */
  MAX_FRAME_BYTES = 1600,
  /* Frames taken from one port before the others have their turn. */
  BURST_FRAMES = 32,
  SOCKET_BUFFER_BYTES = 8 << 20,
  MAX_LINE_BYTES = 256,
};

enum block { BLOCK_NOTHING, BLOCK_GROUPS, BLOCK_EVERYTHING };
static const char *const BLOCKS[] = {"nothing", "groups", "everything"};

struct path {
  enum block block;
  unsigned loss, duplicates, delay_us, jitter_us;
  uint64_t seed, random;
  uint64_t forwarded, blocked, lost, duplicated, overtaken, overflowed;
  /* When the frame that came last is due. */
  uint64_t last_due_ns;
};

struct port {
  char name[32];
  int socket;
  /* Where frames to this address go; nobody until it has said something. */
  uint8_t address[ETH_ALEN];
  bool known;
};

/* A frame on its way, in a heap by due time; those of one time in the order in which they came. */
struct held {
  uint64_t due_ns, order;
  int to;
  unsigned bytes;
  uint8_t *frame;
};

static struct port ports[MAX_PORTS];
static int port_count;
static struct path paths[MAX_PORTS][MAX_PORTS];
static struct held heap[MAX_HELD];
static int held_count;
static uint64_t held_order;

static void die(const char *what) {
  fprintf(stderr, "switch: %s: %s\n", what, strerror(errno));
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* SplitMix64 (Steele, Lea, Flood 2014): any seed is as good as another. */
static uint64_t draw(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static bool happens(struct path *path, unsigned per_mille) {
  return draw(&path->random) % 1000 < per_mille;
}

/* ---- Frames that wait ---- */

static bool sooner(const struct held *a, const struct held *b) {
  return a->due_ns < b->due_ns || (a->due_ns == b->due_ns && a->order < b->order);
}

static void hold(const struct held *item) {
  int at = held_count++;
  for (; at > 0 && sooner(item, &heap[(at - 1) / 2]); at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
  heap[at] = *item;
}

static struct held take_soonest(void) {
  struct held soonest = heap[0], last = heap[--held_count];
  int at = 0;
  for (int child; (child = 2 * at + 1) < held_count; at = child) {
    if (child + 1 < held_count && sooner(&heap[child + 1], &heap[child])) child++;
    if (!sooner(&heap[child], &last)) break;
    heap[at] = heap[child];
  }
  heap[at] = last;
  return soonest;
}

/* What the far end cannot take is lost, as in any switch; the transport protocols know how to live with it. */
static void transmit(int to, const uint8_t *frame, unsigned bytes) {
  if (send(ports[to].socket, frame, bytes, MSG_DONTWAIT) >= 0) return;
  if (errno != EAGAIN && errno != ENOBUFS && errno != ENETDOWN) die("cannot send a frame");
}

static void transmit_due(void) {
  for (uint64_t now = now_ns(); held_count > 0 && heap[0].due_ns <= now;) {
    struct held item = take_soonest();
    transmit(item.to, item.frame, item.bytes);
    free(item.frame);
  }
}

/* ---- The way of a frame ---- */

static void send_later(struct path *path, int to, const uint8_t *frame, unsigned bytes) {
  uint64_t jitter_ns = path->jitter_us == 0 ? 0 : draw(&path->random) % (path->jitter_us * (uint64_t)1000);
  if (path->delay_us == 0 && path->jitter_us == 0) {
    transmit(to, frame, bytes);
    return;
  }
  if (held_count == MAX_HELD) {
    path->overflowed++;
    return;
  }
  uint64_t due_ns = now_ns() + path->delay_us * (uint64_t)1000 + jitter_ns;
  if (due_ns < path->last_due_ns) path->overtaken++;
  path->last_due_ns = due_ns;
  struct held item = {due_ns, held_order++, to, bytes, malloc(bytes)};
  if (item.frame == NULL) die("no memory for a frame");
  memcpy(item.frame, frame, bytes);
  hold(&item);
}

static void forward(int from, int to, const uint8_t *frame, unsigned bytes) {
  struct path *path = &paths[from][to];
  static const uint8_t BROADCAST[ETH_ALEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  bool group = (frame[0] & 1) != 0 && memcmp(frame, BROADCAST, ETH_ALEN) != 0;
  if (path->block == BLOCK_EVERYTHING || (group && path->block == BLOCK_GROUPS)) {
    path->blocked++;
    return;
  }
  if (happens(path, path->loss)) {
    path->lost++;
    return;
  }
  path->forwarded++;
  send_later(path, to, frame, bytes);
  if (!happens(path, path->duplicates)) return;
  path->duplicated++;
  send_later(path, to, frame, bytes);
}

static void receive(int from) {
  static uint8_t frame[MAX_FRAME_BYTES];
  for (int i = 0; i < BURST_FRAMES; i++) {
    ssize_t bytes = recv(ports[from].socket, frame, sizeof frame, MSG_DONTWAIT | MSG_TRUNC);
    if (bytes < 0) {
      if (errno == EAGAIN || errno == ENETDOWN) return;
      die("cannot receive a frame");
    }
    if (bytes < ETH_HLEN) continue;
    if ((size_t)bytes > sizeof frame) {
      fprintf(stderr, "switch: a frame of %zd bytes: segmentation offloading is on\n", bytes);
      exit(1);
    }
    memcpy(ports[from].address, frame + ETH_ALEN, ETH_ALEN);
    ports[from].known = true;
    int only = -1;
    for (int to = 0; to < port_count; to++) {
      if (ports[to].known && memcmp(ports[to].address, frame, ETH_ALEN) == 0) only = to;
    }
    for (int to = 0; to < port_count; to++) {
      if (to != from && (only < 0 || to == only)) forward(from, to, frame, (unsigned)bytes);
    }
  }
}

/* ---- Commands ---- */

static int port_named(const char *name) {
  for (int i = 0; i < port_count; i++) {
    if (strcmp(ports[i].name, name) == 0) return i;
  }
  fprintf(stderr, "switch: there is no port %s\n", name);
  exit(1);
}

static void set_path(const char *line) {
  char from[32], to[32], block[32];
  struct path set;
  int fields = sscanf(line, "path %31s %31s %31s %u %u %u %u", from, to, block, &set.loss, &set.duplicates, &set.delay_us,
                      &set.jitter_us);
  for (set.block = BLOCK_NOTHING; set.block <= BLOCK_EVERYTHING; set.block++) {
    if (fields == 7 && strcmp(block, BLOCKS[set.block]) == 0) break;
  }
  if (set.block > BLOCK_EVERYTHING) {
    fprintf(stderr, "switch: not understood: %s\n", line);
    exit(1);
  }
  struct path *path = &paths[port_named(from)][port_named(to)];
  path->block = set.block;
  path->loss = set.loss;
  path->duplicates = set.duplicates;
  path->delay_us = set.delay_us;
  path->jitter_us = set.jitter_us;
  path->random = path->seed;
}

static void print_counts(void) {
  for (int from = 0; from < port_count; from++) {
    for (int to = 0; to < port_count; to++) {
      if (from == to) continue;
      const struct path *path = &paths[from][to];
      printf("{\"from\":\"%s\",\"to\":\"%s\",\"forwarded\":%lu,\"blocked\":%lu,\"lost\":%lu,\"duplicated\":%lu,"
             "\"overtaken\":%lu,\"overflowed\":%lu}\n",
             ports[from].name, ports[to].name, path->forwarded, path->blocked, path->lost, path->duplicated,
             path->overtaken, path->overflowed);
    }
  }
}

/* Returns false at the end of stdin. */
static bool read_commands(void) {
  static char buffer[1 << 16];
  static size_t used;
  static unsigned done;
  ssize_t bytes = read(STDIN_FILENO, buffer + used, sizeof buffer - 1 - used);
  if (bytes <= 0) return false;
  used += (size_t)bytes;
  buffer[used] = 0;
  char *line = buffer;
  for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
    *end = 0;
    if (strcmp(line, "counts") == 0) print_counts();
    else set_path(line);
    printf("{\"done\":%u}\n", ++done);
  }
  used -= (size_t)(line - buffer);
  memmove(buffer, line, used);
  if (used > MAX_LINE_BYTES) return false;
  fflush(stdout);
  return true;
}

/* ---- Ports ---- */

static void switch_off(const char *interface, uint32_t command) {
  struct ethtool_value value = {.cmd = command, .data = 0};
  struct ifreq request = {.ifr_data = (void *)&value};
  snprintf(request.ifr_name, IFNAMSIZ, "%s", interface);
  int any = socket(AF_INET, SOCK_DGRAM, 0);
  if (any < 0 || ioctl(any, SIOCETHTOOL, &request) != 0) die(interface);
  close(any);
}

static void switch_offloading_off(const char *interface) {
  /* Segmentation first: it needs checksums. */
  switch_off(interface, ETHTOOL_STSO);
  switch_off(interface, ETHTOOL_SGSO);
  switch_off(interface, ETHTOOL_SGRO);
  switch_off(interface, ETHTOOL_STXCSUM);
}

static void open_port(const char *definition) {
  struct port *port = &ports[port_count++];
  char interface[IFNAMSIZ], far_end[IFNAMSIZ];
  if (sscanf(definition, "%31[^=]=%15[^,],%15s", port->name, interface, far_end) != 3) {
    fprintf(stderr, "switch: a port is NAME=INTERFACE,FAR-END and not %s\n", definition);
    exit(2);
  }
  switch_offloading_off(interface);
  switch_offloading_off(far_end);
  port->socket = socket(AF_PACKET, SOCK_RAW, 0);
  if (port->socket < 0) die("cannot open a packet socket");
  int bytes = SOCKET_BUFFER_BYTES, on = 1;
  int index = (int)if_nametoindex(interface);
  struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = index};
  struct packet_mreq everything = {.mr_ifindex = index, .mr_type = PACKET_MR_PROMISC};
  /* Of what leaves by this interface nothing comes back. */
  if (setsockopt(port->socket, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0 ||
      setsockopt(port->socket, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0 ||
      setsockopt(port->socket, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0 ||
      setsockopt(port->socket, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &everything, sizeof everything) != 0 ||
      bind(port->socket, (struct sockaddr *)&address, sizeof address) != 0) {
    die(interface);
  }
}

static void seed_paths(uint64_t seed) {
  for (int from = 0; from < port_count; from++) {
    for (int to = 0; to < port_count; to++) paths[from][to].seed = paths[from][to].random = draw(&seed);
  }
}

int main(int count, char **arguments) {
  if (count < 3 || count - 2 > MAX_PORTS) {
    fprintf(stderr, "usage: switch SEED NAME=INTERFACE,FAR-END ... (at most %d)\n", MAX_PORTS);
    return 2;
  }
  for (int i = 2; i < count; i++) open_port(arguments[i]);
  seed_paths(strtoull(arguments[1], NULL, 10));
  printf("{\"event\":\"ready\"}\n");
  fflush(stdout);

  struct pollfd polled[MAX_PORTS + 1];
  for (int i = 0; i < port_count; i++) polled[i] = (struct pollfd){.fd = ports[i].socket, .events = POLLIN};
  polled[port_count] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
  for (;;) {
    struct timespec until_due = {0};
    if (held_count > 0) {
      uint64_t now = now_ns();
      uint64_t wait_ns = heap[0].due_ns > now ? heap[0].due_ns - now : 0;
      until_due = (struct timespec){(time_t)(wait_ns / 1000000000u), (long)(wait_ns % 1000000000u)};
    }
    if (ppoll(polled, (nfds_t)port_count + 1, held_count > 0 ? &until_due : NULL, NULL) < 0 && errno != EINTR) {
      die("cannot wait for frames");
    }
    /* First of all: what the test was told is set holds for every frame from then on. */
    if (polled[port_count].revents != 0 && !read_commands()) return 0;
    transmit_due();
    for (int i = 0; i < port_count; i++) {
      if (polled[i].revents != 0) receive(i);
    }
  }
}
