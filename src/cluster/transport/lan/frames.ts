import type { Socket } from 'node:net';
import { discard } from '../../discard.ts';
import type { DisconnectReason } from '../member-transport.ts';

/** A stream of frames over one connection: 4 bytes of length, 1 byte of kind, the body. The length counts kind and body. */
export class FramedConnection {
  /** Monotonic times of the last frame in each direction. */
  receivedAt: number;
  sentAt: number;
  readonly #socket: Socket;
  #handler: FrameHandler;
  #maxFrameBytes: number;
  /** Received, but no whole frame yet: no more than the longest frame and one read of the socket. */
  #chunks: Buffer[] = [];
  #buffered = 0;
  /** Bytes the next frame needs, header included; HEADER_BYTES until its length is known. */
  #wanted = HEADER_BYTES;
  #error: NodeJS.ErrnoException | null = null;
  #ended = false;
  #over = false;

  constructor(socket: Socket, maxFrameBytes: number, handler: FrameHandler) {
    this.#socket = socket;
    this.#maxFrameBytes = maxFrameBytes;
    this.#handler = handler;
    this.receivedAt = this.sentAt = performance.now();
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('drain', () => this.#handler.drained());
    socket.on('end', () => this.#finish('closed'));
    socket.on('error', (error) => {
      this.#error ??= error;
    });
    socket.on('close', () => this.#finish(this.#error === null ? 'closed' : reasonOf(this.#error)));
  }

  /** Bytes that wait in this process. */
  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  /** From now on longer frames are allowed, and someone else gets them. */
  promote(maxFrameBytes: number, handler: FrameHandler): void {
    this.#maxFrameBytes = maxFrameBytes;
    this.#handler = handler;
  }

  /** Takes the body over. @returns false when more waits now than the system takes: `drained` follows */
  send(kind: number, body: Uint8Array): boolean {
    if (this.#over || this.#ended) return true;
    this.sentAt = performance.now();
    const head = Buffer.allocUnsafe(FRAME_HEAD_BYTES + (body.length <= COPIED_BYTES ? body.length : 0));
    head.writeUInt32BE(1 + body.length);
    head[HEADER_BYTES] = kind;
    if (body.length <= COPIED_BYTES) {
      head.set(body, FRAME_HEAD_BYTES);
      return this.#socket.write(head);
    }
    this.#socket.cork();
    this.#socket.write(head);
    const room = this.#socket.write(body, () => discard(body));
    this.#socket.uncork();
    return room;
  }

  /** Sends a last frame, and closes when the other end has read it, or after `patienceMs`. Nothing is handed over any more. */
  goodbye(kind: number, body: Uint8Array, patienceMs: number): Promise<void> {
    this.send(kind, body);
    this.#ended = true;
    this.#over = true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#socket.destroy(), patienceMs);
      this.#socket.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      if (this.#socket.destroyed) {
        clearTimeout(timer);
        resolve();
      } else this.#socket.end();
    });
  }

  /** Closes at once, unless a goodbye is on its way; nobody is told. */
  destroy(): void {
    if (this.#ended) return;
    this.#over = true;
    this.#chunks = [];
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    if (this.#over) return;
    this.receivedAt = performance.now();
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    while (this.#buffered >= this.#wanted && !this.#over) {
      if (this.#wanted === HEADER_BYTES) {
        const length = this.#head(HEADER_BYTES).readUInt32BE();
        if (length < 1 || length > this.#maxFrameBytes) {
          this.#finish('protocol');
          return;
        }
        this.#wanted = HEADER_BYTES + length;
        continue;
      }
      const bodyBytes = this.#wanted - FRAME_HEAD_BYTES;
      const kind = this.#head(FRAME_HEAD_BYTES)[HEADER_BYTES];
      this.#drop(FRAME_HEAD_BYTES);
      const body = this.#body(bodyBytes);
      this.#wanted = HEADER_BYTES;
      this.#handler.frame(kind, body);
    }
  }

  /** The first piece, with so many bytes at least. */
  #head(bytes: number): Buffer {
    if (this.#chunks[0].length < bytes) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0];
  }

  /** A body that came in one piece stays where it is; one in several is put together in memory of its own. */
  #body(bytes: number): Buffer {
    if (bytes === 0) return Buffer.alloc(0);
    const [first] = this.#chunks;
    if (first.length >= bytes) {
      this.#drop(bytes);
      return first.subarray(0, bytes);
    }
    const body = Buffer.allocUnsafeSlow(bytes);
    let at = 0;
    let whole = 0;
    for (const chunk of this.#chunks) {
      if (at + chunk.length > bytes) break;
      at += chunk.copy(body, at);
      whole++;
    }
    this.#chunks.splice(0, whole);
    this.#buffered -= at;
    if (at < bytes) {
      this.#chunks[0].copy(body, at, 0, bytes - at);
      this.#drop(bytes - at);
    }
    return body;
  }

  /** Takes bytes off the first piece. */
  #drop(bytes: number): void {
    const [first] = this.#chunks;
    if (first.length === bytes) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(bytes);
    this.#buffered -= bytes;
  }

  #finish(reason: DisconnectReason): void {
    if (this.#over) return;
    this.destroy();
    this.#handler.ended(reason, this.#error);
  }
}

export interface FrameHandler {
  frame(kind: number, body: Uint8Array): void;
  drained(): void;
  /** Called once, unless this end closed the connection. */
  ended(reason: DisconnectReason, error: NodeJS.ErrnoException | null): void;
}

const HEADER_BYTES = 4;
const FRAME_HEAD_BYTES = HEADER_BYTES + 1;
/** Shorter bodies are copied behind their header: one write is cheaper than two. */
const COPIED_BYTES = 16 << 10;

function reasonOf({ code = '' }: NodeJS.ErrnoException): DisconnectReason {
  if (code === 'ECONNRESET' || code === 'EPIPE' || code === 'ECONNABORTED') return 'reset';
  if (code === 'ETIMEDOUT') return 'silent';
  if (code.startsWith('ERR_')) return 'protocol';
  return 'unreachable';
}
