/*
 * The limit of the machine: a blocking recvmmsg/sendmmsg loop that answers every datagram with 200 bytes, the size
 * of an announce reply with 30 peers. It keeps no state; the only bytes that differ are the transaction id.
 *
 *   echo            takes a free port on 127.0.0.1 and prints {"event":"listening","clientPort":N,"pid":N}
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  BATCH = 128,
  REQUEST_BYTES = 2048,
  REPLY_BYTES = 200,
  REQUEST_TRANSACTION = 12, /* offset in a BEP 15 request */
  REPLY_TRANSACTION = 4,    /* offset in a BEP 15 reply */
  SOCKET_BUFFER_BYTES = 4 << 20,
};

static uint8_t request[BATCH][REQUEST_BYTES];
static uint8_t reply[BATCH][REPLY_BYTES];
static struct sockaddr_in client[BATCH];
static struct iovec in[BATCH], out[BATCH];
static struct mmsghdr incoming[BATCH], outgoing[BATCH];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int listen_on_loopback(void) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0) fail("echo: socket");
  int bytes = SOCKET_BUFFER_BYTES;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  if (bind(fd, (struct sockaddr *)&address, length) < 0) fail("echo: bind");
  getsockname(fd, (struct sockaddr *)&address, &length);
  printf("{\"event\":\"listening\",\"clientPort\":%d,\"pid\":%d}\n", ntohs(address.sin_port), getpid());
  fflush(stdout);
  return fd;
}

static void prepare_buffers(void) {
  for (int i = 0; i < BATCH; i++) {
    reply[i][3] = 1;     /* action: announce */
    reply[i][11] = 120;  /* interval */
    reply[i][15] = 40;   /* leechers */
    reply[i][19] = 10;   /* seeders */
    memset(reply[i] + 20, 1, REPLY_BYTES - 20);
    in[i] = (struct iovec){request[i], REQUEST_BYTES};
    out[i] = (struct iovec){reply[i], REPLY_BYTES};
    incoming[i].msg_hdr = (struct msghdr){.msg_name = &client[i], .msg_iov = &in[i], .msg_iovlen = 1};
    outgoing[i].msg_hdr =
        (struct msghdr){.msg_name = &client[i], .msg_namelen = sizeof client[i], .msg_iov = &out[i], .msg_iovlen = 1};
  }
}

int main(void) {
  int fd = listen_on_loopback();
  prepare_buffers();
  for (;;) {
    for (int i = 0; i < BATCH; i++) incoming[i].msg_hdr.msg_namelen = sizeof client[i];
    int count = recvmmsg(fd, incoming, BATCH, MSG_WAITFORONE, NULL);
    if (count < 0) fail("echo: recvmmsg");
    for (int i = 0; i < count; i++) memcpy(reply[i] + REPLY_TRANSACTION, request[i] + REQUEST_TRANSACTION, 4);
    for (int sent = 0; sent < count;) {
      int n = sendmmsg(fd, outgoing + sent, (unsigned)(count - sent), 0);
      if (n < 0) fail("echo: sendmmsg");
      sent += n;
    }
  }
}
