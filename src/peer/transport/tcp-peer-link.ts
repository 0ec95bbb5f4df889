import { Socket, type SocketConstructorOpts } from 'node:net';
import { formatEndpoint, type PeerEndpoint } from '../../bittorrent/magnet.ts';
import { hasBatchedCalls } from '../../net/platform.ts';
import {
  type FileRange,
  type PeerLink,
  type PeerLinkEvents,
  PeerTransportError,
  WANTED_UNSENT_BYTES,
} from './peer-transport.ts';

/** Read at most at once. */
const READ_BUFFER_BYTES = 256 * 1024;

/**
 * On POSIX a read fills its buffer and is handed over before the next begins, so that all sockets of a thread can read
 * into one. Windows fills buffers in the background.
 */
const sharedBuffer = process.platform === 'win32' ? undefined : new Uint8Array(READ_BUFFER_BYTES);
const WINDOWS_BUFFER_BYTES = 64 * 1024;
/** What Node reads where the rest is read by `LinkCalls`: enough to learn where that is to go. */
const HEAD_BUFFER_BYTES = 16 * 1024;
/** Read between two long blocks: the head of the next one, and hardly any of its bytes, which are to go to their place. */
const BLOCK_HEAD_BYTES = 512;
/** Read of one link before others have their turn. */
const READ_TURN_BYTES = 2 * 1024 * 1024;
/** More parts than these are sent with one call by Node. */
const MOST_PARTS = 4;
/** Who moves less does without what takes some 15 ms to load. */
const CALLS_FROM_BYTES = 1024 * 1024;

type LinkCalls = typeof import('../../net/stream-calls.ts');

/** Loaded for the first link that moves much; undefined on other systems, and where it cannot be had. */
let calls: LinkCalls | undefined;
let isLoading = false;

async function loadCalls(): Promise<void> {
  if (isLoading) return;
  isLoading = true;
  calls = await import('../../net/stream-calls.ts').catch(() => undefined);
}

/**
 * A socket of Node, which connects, waits and ends. What can leave or be had at once does not go through its streams, where the
 * system has calls for it.
 */
export class TcpPeerLink implements PeerLink {
  readonly remote: PeerEndpoint;
  readonly incoming: boolean;
  readonly socket: Socket;
  #events: PeerLinkEvents | undefined;
  #closed = false;
  #paused = false;
  /** The bytes before had a place: a head comes next. */
  #wasPlaced = false;
  #movedBytes = 0;
  #error: Error | undefined;

  constructor(remote: PeerEndpoint, handle: object | undefined) {
    this.remote = remote;
    this.incoming = handle !== undefined;
    const options: SocketConstructorOpts = {
      onread: {
        buffer: readBuffer(),
        callback: (length, bytes) => {
          if (this.#closed) return true;
          this.#events?.chunk(bytes.subarray(0, length));
          this.#moved(length);
          if (length === bytes.length) this.#readOn();
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
    else if (!this.#paused) this.socket.resume();
  }

  write(parts: readonly Uint8Array[], done?: () => void): void {
    if (this.socket.destroyed || this.#closed) {
      if (done) queueMicrotask(done);
      return;
    }
    const left = this.#sendParts(parts);
    let isDone = false;
    const finish = () => {
      if (!isDone) done?.();
      isDone = true;
    };
    if (left.length > 0) {
      this.socket.cork();
      for (const [i, part] of left.entries()) {
        // The callback also comes, with an error, when the socket is destroyed first.
        if (done && i === left.length - 1) this.socket.write(part, finish);
        else this.socket.write(part);
      }
      this.socket.uncork();
    }
    // The system has all of it; the callback comes only when this turn is over.
    if (parts.length > 0 && this.socket.writableLength === 0) finish();
    else if (parts.length === 0 && done) queueMicrotask(done);
  }

  sendFile(head: Uint8Array, { file, offset, length }: FileRange): number | undefined {
    const fd = this.#freeDescriptor();
    if (!calls || fd === undefined) return undefined;
    const sent = calls.sendNow(fd, head, true);
    if (sent <= 0) return undefined;
    if (sent < head.length) {
      this.socket.write(head.slice(sent));
      return 0;
    }
    return calls.sendFileNow(fd, file, offset, length);
  }

  pause(): void {
    this.#paused = true;
    this.socket.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#events) this.socket.resume();
  }

  close(): void {
    this.socket.destroy();
  }

  /** What follows the bytes that Node read, as long as there is more. */
  #readOn(): void {
    const fd = descriptorOf(this.socket);
    if (!calls || fd === undefined || !this.#events) return;
    const events = this.#events;
    for (let bytes = 0; bytes < READ_TURN_BYTES && !this.#paused && !this.#closed && !this.socket.destroyed; ) {
      const place = events.place?.();
      const into = place ?? (this.#wasPlaced ? blockHead : sharedBuffer!);
      const count = calls.receiveNow(fd, into);
      // The end, and what is wrong, is found by Node.
      if (count <= 0) return;
      this.#wasPlaced = place !== undefined;
      if (place) events.placed?.(count);
      else events.chunk(into.subarray(0, count));
      if (count < into.length) return;
      bytes += count;
    }
  }

  /** Sends what leaves at once. @returns what did not */
  #sendParts(parts: readonly Uint8Array[]): readonly Uint8Array[] {
    const fd = this.#freeDescriptor();
    if (!calls || fd === undefined || parts.length > MOST_PARTS) {
      for (const { length } of parts) this.#moved(length);
      return parts;
    }
    for (const [i, part] of parts.entries()) {
      const sent = Math.max(0, calls.sendNow(fd, part, i < parts.length - 1));
      if (sent < part.length) return [part.subarray(sent), ...parts.slice(i + 1)];
    }
    return [];
  }

  /** Undefined while something waits in Node's stream, before which nothing may leave. */
  #freeDescriptor(): number | undefined {
    const { socket } = this;
    return calls && !socket.connecting && socket.writableLength === 0 ? descriptorOf(socket) : undefined;
  }

  #moved(bytes: number): void {
    if (calls || !hasBatchedCalls) return;
    this.#movedBytes += bytes;
    if (this.#movedBytes >= CALLS_FROM_BYTES) void loadCalls();
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

/** A part of the shared buffer, which is not read into at the same time. */
const blockHead = sharedBuffer?.subarray(0, BLOCK_HEAD_BYTES) ?? new Uint8Array(BLOCK_HEAD_BYTES);

function readBuffer(): Uint8Array {
  if (!sharedBuffer) return new Uint8Array(WINDOWS_BUFFER_BYTES);
  return hasBatchedCalls ? sharedBuffer.subarray(0, HEAD_BUFFER_BYTES) : sharedBuffer;
}

/** Of an open socket on POSIX. */
function descriptorOf(socket: Socket): number | undefined {
  const fd = (socket as unknown as { _handle: { fd?: number } | null })._handle?.fd;
  return fd !== undefined && fd >= 0 ? fd : undefined;
}
