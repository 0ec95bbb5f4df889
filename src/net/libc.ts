import koffi from 'koffi';
import { ENDPOINT_BYTES, type IpFamily } from './datagram-slots.ts';
import { endpointPort, SOCKADDR_BYTES, writeEndpoint } from './socket-address.ts';
import { SocketError } from './udp-socket.ts';

/**
 * The Linux system calls that Node has no fast way to: datagrams and connections in batches, without an object
 * each. Only imported on Linux. Every call returns -1 on failure; `errno()` tells why.
 */
const libc = koffi.load(null);

const socket: (domain: number, type: number, protocol: number) => number = libc.func(
  'int socket(int domain, int type, int protocol)',
);
const bind: (fd: number, address: Uint8Array, bytes: number) => number = libc.func(
  'int bind(int fd, const void *address, uint32_t bytes)',
);
export const listen: (fd: number, backlog: number) => number = libc.func('int listen(int fd, int backlog)');
export const accept4: (fd: number, address: Uint8Array, bytes: Uint32Array, flags: number) => number = libc.func(
  'int accept4(int fd, void *address, void *bytes, int flags)',
);
const getsockname: (fd: number, address: Uint8Array, bytes: Uint32Array) => number = libc.func(
  'int getsockname(int fd, void *address, void *bytes)',
);
export const setsockopt: (fd: number, level: number, option: number, value: Int32Array, bytes: number) => number =
  libc.func('int setsockopt(int fd, int level, int option, const void *value, uint32_t bytes)');
export const recvmmsg: (fd: number, messages: number, count: number, flags: number, timeout: null) => number =
  libc.func('int recvmmsg(int fd, uint64_t messages, uint32_t count, int flags, void *timeout)');
export const sendmmsg: (fd: number, messages: number, count: number, flags: number) => number = libc.func(
  'int sendmmsg(int fd, uint64_t messages, uint32_t count, int flags)',
);
export const recv: (fd: number, buffer: Uint8Array, bytes: number, flags: number) => number = libc.func(
  'int64_t recv(int fd, void *buffer, size_t bytes, int flags)',
);
export const send: (fd: number, buffer: Uint8Array, bytes: number, flags: number) => number = libc.func(
  'int64_t send(int fd, const void *buffer, size_t bytes, int flags)',
);
export const close: (fd: number) => number = libc.func('int close(int fd)');

const madvise: (address: number, bytes: number, advice: number) => number = libc.func(
  'int madvise(uint64_t address, size_t bytes, int advice)',
);
/** glibc's only, and only glibc needs it. */
const mallocTrim: ((keepBytes: number) => number) | undefined = optional('int malloc_trim(size_t keepBytes)');

function optional(prototype: string): ((keepBytes: number) => number) | undefined {
  try {
    return libc.func(prototype);
  } catch {
    return undefined;
  }
}

const memmove: (to: Uint8Array, from: Uint8Array, bytes: number) => number | bigint = libc.func(
  'uint64_t memmove(void *to, const void *from, size_t bytes)',
);

/**
 * Where the first byte stands in memory. The collector never moves the memory of an ArrayBuffer; it stays valid for
 * as long as somebody holds the buffer. Takes a view over a buffer of its own, at least 64 bytes long.
 */
export function addressOf(bytes: Uint8Array): number {
  return Number(memmove(bytes, bytes, 0));
}

const AF_INET = 2;
const AF_INET6 = 10;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
export const IPPROTO_TCP = 6;
export const TCP_DEFER_ACCEPT = 9;
const IPPROTO_IP = 0;
const IP_ADD_MEMBERSHIP = 35;
const IP_MULTICAST_ALL = 49;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
export const SOL_UDP = 17;
export const UDP_SEGMENT = 103;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;

export const { EAGAIN, EINTR, EMFILE, ENFILE } = koffi.os.errno as Record<string, number>;

export function errno(): number {
  return koffi.errno();
}

/** Turns the current errno into an error that says what was tried. */
export function systemError(what: string): SocketError {
  const number = koffi.errno();
  const code = Object.entries(koffi.os.errno).find(([, value]) => value === number)?.[0] ?? `errno ${number}`;
  return new SocketError(code, `${what}: ${code}`);
}

export function setOption(fd: number, level: number, option: number, value: number): boolean {
  return setsockopt(fd, level, option, Int32Array.of(value), 4) === 0;
}

/**
 * Asks for huge pages behind a large array that is read all over: with 4 KiB pages most reads would miss the
 * processor's page cache too, which under virtualisation costs more than the data. A kernel that will not is no error.
 */
export function adviseHugePages(array: ArrayBufferView): void {
  const PAGE_BYTES = 4096;
  const MADV_HUGEPAGE = 14;
  const start = addressOf(new Uint8Array(array.buffer as ArrayBuffer));
  const aligned = Math.ceil(start / PAGE_BYTES) * PAGE_BYTES;
  const end = Math.floor((start + array.buffer.byteLength) / PAGE_BYTES) * PAGE_BYTES;
  madvise(aligned, end - aligned, MADV_HUGEPAGE);
}

/**
 * Gives memory that was freed in small pieces back to the system, that of all threads. It takes some milliseconds, in which
 * others may wait for memory.
 */
export function releaseFreedMemory(): void {
  mallocTrim?.(0);
}

/** Calls back in the event loop while the descriptor is readable. Keep the handle: collected, it falls silent. */
export function pollReadable(fd: number, onReadable: () => void): { close(): void } {
  return koffi.node.poll(fd, { readable: true }, onReadable);
}

export function domainOf(family: IpFamily): number {
  return family === 4 ? AF_INET : AF_INET6;
}

/** Accepted connections are non-blocking and not inherited. */
export const ACCEPT_FLAGS = SOCK_NONBLOCK | SOCK_CLOEXEC;

/** A non-blocking socket of one family only: an IPv6 one does not take IPv4. Throws SocketError. */
export function openSocket(family: IpFamily, type: number): number {
  const fd = socket(domainOf(family), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw systemError(`cannot open an IPv${family} socket`);
  if (family === 6) setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (type === SOCK_STREAM) setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  return fd;
}

/** Binds the socket and returns its port. Closes it and throws SocketError where that fails. */
export function bindSocket(fd: number, family: IpFamily, host: string, port: number): number {
  const endpoint = new Uint8Array(ENDPOINT_BYTES);
  writeEndpoint(endpoint, 0, family, host, port);
  const length = Uint32Array.of(ENDPOINT_BYTES);
  if (bind(fd, endpoint, SOCKADDR_BYTES[family]) < 0 || getsockname(fd, endpoint, length) < 0) {
    const error = systemError(`cannot bind ${family === 6 ? `[${host}]` : host}:${port}`);
    close(fd);
    throw error;
  }
  return endpointPort(endpoint, 0);
}

/**
 * Joins an IPv4 group on the interface that has the address, and gets nothing that arrives on another, whoever joined
 * it there. Closes the socket and throws SocketError where that fails.
 */
export function joinGroup(fd: number, group: string, interfaceAddress: string): void {
  // struct ip_mreq: the group, then the interface's address.
  const request = Uint8Array.from([...group.split('.'), ...interfaceAddress.split('.')], Number);
  setOption(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
  if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, new Int32Array(request.buffer), request.length) < 0) {
    const error = systemError(`cannot join ${group} on ${interfaceAddress}`);
    close(fd);
    throw error;
  }
}
