import { once } from 'node:events';
import { type AddressInfo, createServer, Socket, type SocketConstructorOpts } from 'node:net';
import { formatEndpoint, type PeerEndpoint } from '../../bittorrent/magnet.ts';
import {
  CONNECT_TIMEOUT_MS,
  type ConnectOptions,
  type PeerLink,
  type PeerLinkEvents,
  type PeerListener,
  type PeerTransport,
  PeerTransportError,
  WANTED_UNSENT_BYTES,
} from './peer-transport.ts';

/** Read at most at once. */
export const READ_BUFFER_BYTES = 256 * 1024;
/** Connections that wait until they are taken. */
const BACKLOG = 128;

/** Peers over TCP. Reads go into one buffer that all links share, so no chunk allocates anything. */
export class TcpPeerTransport implements PeerTransport {
  async connect(endpoint: PeerEndpoint, options: ConnectOptions = {}): Promise<PeerLink> {
    const { timeoutMs = CONNECT_TIMEOUT_MS, signal } = options;
    const timeout = AbortSignal.timeout(timeoutMs);
    const link = new TcpPeerLink(endpoint, undefined);
    const name = formatEndpoint(endpoint);
    try {
      link.socket.connect({ host: endpoint.host, port: endpoint.port });
      await once(link.socket, 'connect', { signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
    } catch (cause) {
      link.socket.destroy();
      if (signal?.aborted) throw new PeerTransportError('ABORTED', `connecting to ${name} was called off`, { cause });
      if (timeout.aborted) {
        throw new PeerTransportError('TIMED_OUT', `${name} did not answer within ${timeoutMs} ms`, { cause });
      }
      const reason = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message;
      throw new PeerTransportError('UNREACHABLE', `${name} cannot be reached: ${reason}`, { cause });
    }
    link.socket.setNoDelay(true);
    return link;
  }

  async listen(host: string, port: number, onLink: (link: PeerLink) => void): Promise<PeerListener> {
    const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
      const { remoteAddress, remotePort } = socket;
      if (remoteAddress === undefined || remotePort === undefined) {
        // Gone before it was taken.
        socket.destroy();
        return;
      }
      onLink(new TcpPeerLink({ host: plainHost(remoteAddress), port: remotePort }, takeHandle(socket)));
    });
    try {
      server.listen({ host, port, backlog: BACKLOG });
      await once(server, 'listening');
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new PeerTransportError(
        code === 'EADDRINUSE' ? 'ADDRESS_IN_USE' : 'CANNOT_LISTEN',
        `cannot listen on ${formatEndpoint({ host, port })}: ${code}; choose another address or port`,
        { cause },
      );
    }
    // A connection that failed before it was taken, or no descriptor left for one: the next may do better.
    server.on('error', () => {});
    const address = server.address() as AddressInfo;
    let closed: Promise<unknown> | undefined;
    return {
      host: address.address,
      port: address.port,
      close: async () => {
        closed ??= once(server.close(), 'close');
        await closed;
      },
    };
  }
}

/**
 * On POSIX a read fills its buffer and is handed over before the next begins, so that all sockets of a thread can read
 * into one. Windows fills buffers in the background.
 */
const sharedBuffer = process.platform === 'win32' ? undefined : new Uint8Array(READ_BUFFER_BYTES);
const WINDOWS_BUFFER_BYTES = 64 * 1024;

class TcpPeerLink implements PeerLink {
  readonly remote: PeerEndpoint;
  readonly incoming: boolean;
  readonly socket: Socket;
  #events: PeerLinkEvents | undefined;
  #closed = false;
  #error: Error | undefined;

  constructor(remote: PeerEndpoint, handle: object | undefined) {
    this.remote = remote;
    this.incoming = handle !== undefined;
    const options: SocketConstructorOpts = {
      onread: {
        buffer: sharedBuffer ?? new Uint8Array(WINDOWS_BUFFER_BYTES),
        callback: (length, bytes) => {
          if (!this.#closed) this.#events?.chunk(bytes.subarray(0, length));
          return true;
        },
      },
    };
    this.socket = new Socket(
      Object.assign(options, {
        highWaterMark: WANTED_UNSENT_BYTES,
        ...(handle ? { handle, readable: true, writable: true } : {}),
      }),
    );
    // Without flow nothing is read before `start`.
    this.socket.pause();
    this.socket.on('error', (error) => {
      this.#error = error;
    });
    this.socket.on('drain', () => this.#events?.drained());
    // What half-closed asks for nothing more, and a peer that cannot answer is of no use.
    this.socket.on('end', () => this.socket.destroy());
    this.socket.on('close', () => this.#end());
  }

  get unsentBytes(): number {
    return this.socket.writableLength;
  }

  start(events: PeerLinkEvents): void {
    this.#events = events;
    if (this.socket.closed) queueMicrotask(() => this.#end());
    else this.socket.resume();
  }

  write(parts: readonly Uint8Array[], done?: () => void): void {
    if (this.socket.destroyed || this.#closed) {
      if (done) queueMicrotask(done);
      return;
    }
    let isDone = false;
    const finish = () => {
      if (!isDone) done?.();
      isDone = true;
    };
    this.socket.cork();
    for (const [i, part] of parts.entries()) {
      // The callback also comes, with an error, when the socket is destroyed first.
      if (done && i === parts.length - 1) this.socket.write(part, finish);
      else this.socket.write(part);
    }
    this.socket.uncork();
    // The system has all of it; the callback comes only when this turn is over.
    if (parts.length > 0 && this.socket.writableLength === 0) finish();
    else if (parts.length === 0 && done) queueMicrotask(done);
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  close(): void {
    this.socket.destroy();
  }

  #end(): void {
    if (this.#closed || !this.#events) return;
    this.#closed = true;
    const { code, message } = (this.#error ?? {}) as NodeJS.ErrnoException;
    const name = formatEndpoint(this.remote);
    this.#events.closed(
      this.#error ? new PeerTransportError('BROKEN', `the connection to ${name} broke: ${code ?? message}`) : undefined,
    );
  }
}

/**
 * Takes the open handle out of an accepted socket, which is left empty: `createServer` makes sockets that allocate each
 * chunk anew, and has no option for it.
 */
function takeHandle(socket: Socket): object {
  const owner = socket as unknown as { _handle: object | null };
  const handle = owner._handle as object;
  owner._handle = null;
  socket.destroy();
  return handle;
}

/** An IPv4 address as it is, though it came through an IPv6 socket. */
function plainHost(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
}
