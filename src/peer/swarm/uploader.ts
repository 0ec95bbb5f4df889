import { BLOCK_HEADER_BYTES, type Block, writeBlockHeader } from '../../bittorrent/peer-wire.ts';
import type { RateLimiter } from '../exchange/rate-limiter.ts';
import { SharedBuffers } from '../store/shared-buffers.ts';
import { WANTED_UNSENT_BYTES } from '../transport/peer-transport.ts';
import { LARGE_REQUEST_BYTES, type PeerSession } from './peer-session.ts';

/** Read at once for one peer: many small requests, or one large. */
export const UPLOAD_READ_BYTES = 4 * LARGE_REQUEST_BYTES;
/** Memory for what is read and not sent yet, of all peers. */
export const UPLOAD_MEMORY_BYTES = 16 * 1024 * 1024;

export interface UploaderOptions {
  /** Fills the buffer with bytes of the content from an offset on. */
  readonly read: (session: PeerSession, block: Block, into: Uint8Array) => Promise<void>;
  readonly limiter: RateLimiter;
  readonly now: () => number;
  /** Bytes of the content went out. */
  readonly sent: (session: PeerSession, bytes: number) => void;
  /** The content could not be read. */
  readonly failed: (session: PeerSession, error: Error) => void;
}

/**
 * Answers requests: one read for those that lie together, then the headers and the blocks in one write, without a copy. Each
 * peer has one read under way, and as many bytes unsent as its link wants; who cannot go on waits for a buffer, for the link
 * to drain, or for the rate.
 */
export class Uploader {
  readonly #options: UploaderOptions;
  readonly #buffers = new SharedBuffers(UPLOAD_READ_BYTES, UPLOAD_MEMORY_BYTES / UPLOAD_READ_BYTES);
  readonly #reading = new Set<PeerSession>();
  /** In the order that they began to wait. */
  readonly #waiting = new Set<PeerSession>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: UploaderOptions) {
    this.#options = options;
  }

  /** Requests of the session wait, or its link wants more. */
  pump(session: PeerSession): void {
    if (this.#reading.has(session) || session.isClosed || session.uploads.size === 0) return;
    if (session.link.unsentBytes >= WANTED_UNSENT_BYTES) return;
    const { limiter, now } = this.#options;
    const waitMs = limiter.waitMs(now());
    const buffer = waitMs === 0 ? this.#buffers.take() : undefined;
    if (!buffer) {
      this.#waiting.add(session);
      if (waitMs > 0) this.#planPump(waitMs);
      return;
    }
    this.#waiting.delete(session);
    const run = session.uploads.takeRun(UPLOAD_READ_BYTES);
    limiter.take(
      now(),
      run.reduce((bytes, { length }) => bytes + length, 0),
    );
    this.#reading.add(session);
    void this.#answer(session, run, buffer);
  }

  /** The rate is another now: whoever waits for it waits anew. */
  rateChanged(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pumpAll();
  }

  /** Nothing is planned any more. */
  close(): void {
    clearTimeout(this.#timer);
    this.#waiting.clear();
  }

  async #answer(session: PeerSession, run: readonly Block[], buffer: Uint8Array): Promise<void> {
    const [first] = run;
    const last = run[run.length - 1];
    const bytes = buffer.subarray(0, last.begin + last.length - first.begin);
    try {
      await this.#options.read(session, { ...first, length: bytes.length }, bytes);
    } catch (error) {
      this.#giveBack(buffer);
      this.#reading.delete(session);
      for (const block of run) session.refuse(block);
      this.#options.failed(session, error as Error);
      return;
    }
    this.#reading.delete(session);
    // Who was choked meanwhile was promised these; who is gone needs nothing, and the link is done with them at once.
    const headers = new Uint8Array(BLOCK_HEADER_BYTES * run.length);
    const parts: Uint8Array[] = [];
    for (const [i, block] of run.entries()) {
      writeBlockHeader(headers, i * BLOCK_HEADER_BYTES, block);
      parts.push(headers.subarray(i * BLOCK_HEADER_BYTES, (i + 1) * BLOCK_HEADER_BYTES));
      const at = block.begin - first.begin;
      parts.push(bytes.subarray(at, at + block.length));
    }
    session.out.parts(parts, () => this.#giveBack(buffer));
    this.#options.sent(session, bytes.length);
    this.pump(session);
  }

  #giveBack(buffer: Uint8Array): void {
    this.#buffers.giveBack(buffer);
    this.#pumpWaiting();
  }

  #pumpWaiting(): void {
    const [session] = this.#waiting;
    if (!session) return;
    this.#waiting.delete(session);
    this.pump(session);
  }

  #planPump(waitMs: number): void {
    if (this.#timer || waitMs === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#pumpAll();
    }, waitMs);
  }

  #pumpAll(): void {
    for (const session of [...this.#waiting]) this.pump(session);
  }
}
