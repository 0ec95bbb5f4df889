#ifndef OPTIONS_H
#define OPTIONS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct options {
  const char *phase;
  struct sockaddr_in server;
  uint32_t peers;
  uint32_t hashes;
  uint32_t sources;
  uint32_t in_flight;   /* per source */
  uint32_t connections; /* HTTP, in total */
  uint32_t numwant;
  double seconds;
  double warmup_seconds;
  double rate; /* announces/s, phase "rate" */
  double timeout_ms;
  uint64_t turn_ns; /* UDP closed loops: a pass over all lanes takes at least so long */
  uint64_t slice_ns;   /* steady: acknowledgements are also counted for each slice of so long; 0: they are not */
  uint32_t server_cpu; /* where the server runs: how busy that core was is reported */
  uint32_t server_pid; /* 0: unknown */
  bool echo;    /* the server only echoes: no connect, no checks of swarm sizes */
  bool sleep;   /* sleep while waiting for replies, to leave the core to others */
  bool segment; /* hand each batch to the kernel as one buffer (UDP_SEGMENT) instead of sendmmsg */
};

#endif
