import { ENDPOINT_BYTES, type IpFamily } from './datagram-slots.ts';
import * as libc from './libc.ts';
import { familyOf } from './socket-address.ts';
import { HEAD_BYTES, type OnRequest, type TcpAcceptor } from './tcp-acceptor.ts';
import { SocketError } from './udp-socket.ts';

/**
 * Accepts with TCP_DEFER_ACCEPT: the kernel keeps a connection to itself until its first bytes are there, so that
 * accept, recv, send and close are all that a request costs, and one that never speaks costs nothing.
 */
export function openTcpAcceptor(options: { host: string; port: number }): TcpAcceptor {
  return new BatchedTcpAcceptor(options.host, options.port);
}

const BACKLOG = 4096;
const DEFER_SECONDS = 10;
/** Connections taken in one go, so that datagrams get their turn. */
const ACCEPTS_PER_WAKE = 64;
/** How long nothing is accepted when the process has no descriptors left. */
const PAUSE_WITHOUT_DESCRIPTORS_MS = 100;

class BatchedTcpAcceptor implements TcpAcceptor {
  readonly family: IpFamily;
  readonly port: number;
  readonly #fd: number;
  readonly #head = new Uint8Array(HEAD_BYTES);
  readonly #endpoint = new Uint8Array(ENDPOINT_BYTES);
  readonly #endpointBytes = Uint32Array.of(ENDPOINT_BYTES);
  #onRequest: OnRequest = (fd) => libc.close(fd);
  /** Held so that it is not collected. */
  #poll: { close(): void } | undefined;
  #pause: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(host: string, port: number) {
    const family = familyOf(host);
    if (family === undefined) throw new SocketError('EINVAL', `cannot listen on ${host}: not an IP address`);
    this.family = family;
    this.#fd = libc.openSocket(family, libc.SOCK_STREAM);
    libc.setOption(this.#fd, libc.IPPROTO_TCP, libc.TCP_DEFER_ACCEPT, DEFER_SECONDS);
    this.port = libc.bindSocket(this.#fd, family, host, port);
    if (libc.listen(this.#fd, BACKLOG) < 0) {
      const error = libc.systemError(`cannot listen on port ${this.port}`);
      libc.close(this.#fd);
      throw error;
    }
  }

  start(onRequest: OnRequest): void {
    this.#onRequest = onRequest;
    this.#watch();
  }

  replyAndClose(fd: number, reply: Uint8Array, bytes: number): void {
    libc.send(fd, reply, bytes, libc.MSG_DONTWAIT | libc.MSG_NOSIGNAL);
    libc.close(fd);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#pause);
    this.#poll?.close();
    libc.close(this.#fd);
  }

  #watch(): void {
    this.#poll = libc.pollReadable(this.#fd, () => this.#acceptSome());
  }

  #acceptSome(): void {
    for (let accepted = 0; accepted < ACCEPTS_PER_WAKE && !this.#closed; accepted++) {
      this.#endpointBytes[0] = ENDPOINT_BYTES;
      const fd = libc.accept4(this.#fd, this.#endpoint, this.#endpointBytes, libc.ACCEPT_FLAGS);
      if (fd < 0) {
        const errno = libc.errno();
        if (errno === libc.EMFILE || errno === libc.ENFILE) this.#pauseAccepting();
        return;
      }
      const bytes = libc.recv(fd, this.#head, HEAD_BYTES, libc.MSG_DONTWAIT);
      if (bytes === 0 || (bytes < 0 && libc.errno() !== libc.EAGAIN)) libc.close(fd);
      else this.#onRequest(fd, this.#head.subarray(0, Math.max(bytes, 0)), this.#endpoint);
    }
  }

  /** The connections that wait would wake the loop again and again while none can be taken. */
  #pauseAccepting(): void {
    this.#poll?.close();
    this.#pause = setTimeout(() => this.#watch(), PAUSE_WITHOUT_DESCRIPTORS_MS);
  }
}
