/*
 * The limit of the machine: a file is sent by TCP and written at the other end, and that is all. There is no protocol, and
 * nothing is hashed, which every BitTorrent client must do.
 *
 *   copy seed HOST PORT FILE                     sends the file to all who connect; prints {"event":"ready"} when they may
 *   copy leech HOST PORT FILE BYTES              writes so many bytes from there, synced; prints {"event":"done"}
 *
 * Either stays until it is told to end.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_BYTES = 1 << 20, BACKLOG = 8 };

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void say(const char *event) {
  printf("{\"event\":\"%s\"}\n", event);
  fflush(stdout);
}

static struct sockaddr_in address_of(const char *host, const char *port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) fail("copy: host");
  return address;
}

static int file;
static off_t file_bytes;

static void *send_file(void *argument) {
  int fd = (int)(long)argument;
  off_t at = 0;
  /* Who hangs up needs no more. */
  while (at < file_bytes && sendfile(fd, file, &at, (size_t)(file_bytes - at)) > 0)
    ;
  close(fd);
  return NULL;
}

static void seed(const char *host, const char *port, const char *path) {
  struct stat status;
  file = open(path, O_RDONLY);
  if (file < 0 || fstat(file, &status) < 0) fail(path);
  file_bytes = status.st_size;
  struct sockaddr_in address = address_of(host, port);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  int yes = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, BACKLOG) < 0) fail("copy: listen");
  say("ready");
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    pthread_t thread;
    if (fd >= 0 && pthread_create(&thread, NULL, send_file, (void *)(long)fd) == 0) pthread_detach(thread);
  }
}

static void leech(const char *host, const char *port, const char *path, off_t bytes) {
  static char buffer[BUFFER_BYTES];
  struct sockaddr_in address = address_of(host, port);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("copy: connect");
  int out = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0666);
  if (out < 0 || fallocate(out, 0, 0, bytes) < 0) fail(path);
  for (off_t at = 0; at < bytes;) {
    ssize_t count = recv(fd, buffer, sizeof buffer, MSG_WAITALL);
    if (count <= 0 || pwrite(out, buffer, (size_t)count, at) != count) fail("copy: write");
    sync_file_range(out, at, count, SYNC_FILE_RANGE_WRITE);
    at += count;
  }
  if (fdatasync(out) < 0) fail("copy: sync");
  say("done");
  for (;;) pause();
}

int main(int count, char **argument) {
  if (count == 5 && strcmp(argument[1], "seed") == 0) seed(argument[2], argument[3], argument[4]);
  if (count == 6 && strcmp(argument[1], "leech") == 0) leech(argument[2], argument[3], argument[4], atoll(argument[5]));
  fprintf(stderr, "usage: copy seed HOST PORT FILE | copy leech HOST PORT FILE BYTES\n");
  return 2;
}
