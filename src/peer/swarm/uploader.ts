import { BLOCK_HEADER_BYTES, type Block, writeBlockHeader } from '../../bittorrent/peer-wire.ts';
import type { RateLimiter } from '../exchange/rate-limiter.ts';
import { SharedBuffers } from '../store/shared-buffers.ts';
import { type FileRange, WANTED_UNSENT_BYTES } from '../transport/peer-transport.ts';
import { LARGE_REQUEST_BYTES, type PeerSession } from './peer-session.ts';

/** Asked of the disk at once for one peer. */
export const UPLOAD_READ_BYTES = 4 * LARGE_REQUEST_BYTES;
/** What is in memory is sent in such parts: each is still in the cache of the processor when it leaves. */
const CACHED_READ_BYTES = LARGE_REQUEST_BYTES;
/** Memory for what is read and not sent yet, of all peers. */
export const UPLOAD_MEMORY_BYTES = 16 * 1024 * 1024;

/**
 * Blocks of this length are sent from the file, where several peers are sent to: shorter ones are cheaper to send as copies, many at
 * a time. One peer alone on the same machine gets a copy sooner than it could fetch the bytes from the memory of the file.
 */
const LEAST_FILE_BYTES = 64 * 1024;

export interface UploaderOptions {
  /** Whether more than one peer is sent to. */
  readonly sendsToSeveral: () => boolean;
  /** Where a block lies, to be sent from there; undefined: it is to be read. */
  readonly cachedRange: (block: Block) => FileRange | undefined;
  /** Fills the buffer with bytes of the content, if they are in memory. @returns false: they are to be read */
  readonly readCached: (block: Block, into: Uint8Array) => boolean;
  /** Fills the buffer with bytes of the content. */
  readonly read: (block: Block, into: Uint8Array) => Promise<void>;
  readonly limiter: RateLimiter;
  readonly now: () => number;
  /** Bytes of the content went out. */
  readonly sent: (session: PeerSession, bytes: number) => void;
  /** The content could not be read. */
  readonly failed: (session: PeerSession, error: Error) => void;
}

/** A buffer, and for how many it is still of use. */
interface BufferInUse {
  readonly bytes: Uint8Array;
  users: number;
}

/**
 * Answers requests: one read for those that lie together, then the headers and the blocks in one write, without a copy. Each
 * peer has one read under way, and as many bytes unsent as its link wants; who cannot go on waits for a buffer, for the link
 * to drain, or for the rate. What is in memory is sent at once, a run of each peer a turn, long blocks without being read.
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
    limiter.take(now(), bytesOf(run));
    const inUse = { bytes: buffer, users: 1 };
    this.#reading.add(session);
    const { rest, at } = this.#sendCached(session, run, inUse);
    if (rest.length > 0) void this.#readAndSend(session, rest, inUse, at);
    else setImmediate(() => this.#goOn(session, inUse));
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

  /** @returns what is not in memory, and from where on the buffer is free, with room for that */
  #sendCached(session: PeerSession, run: readonly Block[], inUse: BufferInUse): { rest: readonly Block[]; at: number } {
    let rest = run;
    let at = 0;
    while (rest.length > 0) {
      const used = this.#sendFromFile(session, rest[0], inUse, at);
      if (used !== undefined) {
        at += used;
        rest = rest.slice(1);
        continue;
      }
      const part = rest.slice(0, countWithin(rest, CACHED_READ_BYTES));
      const bytes = inUse.bytes.subarray(at, at + bytesOf(part));
      if (!this.#options.readCached({ ...part[0], length: bytes.length }, bytes)) break;
      // What left within the call leaves its place, which the processor has at hand, to the next.
      if (!this.#send(session, part, bytes, inUse)) at += bytes.length;
      rest = rest.slice(part.length);
    }
    return { rest, at };
  }

  /**
   * Sends a long block from where it lies; what does not leave at once is read after all.
   * @param at where the buffer is free
   * @returns how many bytes of the buffer are in use from then on; undefined: nothing of the block was sent
   */
  #sendFromFile(session: PeerSession, block: Block, inUse: BufferInUse, at: number): number | undefined {
    const { sendsToSeveral, cachedRange } = this.#options;
    if (block.length < LEAST_FILE_BYTES || !session.link.sendFile || !sendsToSeveral()) return undefined;
    const range = cachedRange(block);
    if (!range) return undefined;
    const head = new Uint8Array(BLOCK_HEADER_BYTES);
    writeBlockHeader(head, 0, block);
    const sent = session.out.file(head, range);
    if (sent === undefined) return undefined;
    this.#options.sent(session, block.length);
    if (sent === block.length) return 0;
    const rest = { ...block, begin: block.begin + sent, length: block.length - sent };
    const bytes = inUse.bytes.subarray(at, at + rest.length);
    if (this.#options.readCached(rest, bytes)) return this.#write(session, [bytes], inUse) ? 0 : bytes.length;
    // Its head is on the way, and nothing else may follow that. Whoever asks again learns what is wrong.
    session.close('a block could not be read while it was sent');
    return 0;
  }

  async #readAndSend(session: PeerSession, run: readonly Block[], inUse: BufferInUse, at: number): Promise<void> {
    const bytes = inUse.bytes.subarray(at, at + bytesOf(run));
    try {
      await this.#options.read({ ...run[0], length: bytes.length }, bytes);
    } catch (error) {
      this.#reading.delete(session);
      this.#release(inUse);
      for (const block of run) session.refuse(block);
      this.#options.failed(session, error as Error);
      return;
    }
    this.#send(session, run, bytes, inUse);
    this.#goOn(session, inUse);
  }

  /**
   * Who was choked meanwhile was promised these; who is gone needs nothing, and the link is done with them at once.
   * @returns whether all left within the call
   */
  #send(session: PeerSession, run: readonly Block[], bytes: Uint8Array, inUse: BufferInUse): boolean {
    const headers = new Uint8Array(BLOCK_HEADER_BYTES * run.length);
    const parts: Uint8Array[] = [];
    for (const [i, block] of run.entries()) {
      writeBlockHeader(headers, i * BLOCK_HEADER_BYTES, block);
      parts.push(headers.subarray(i * BLOCK_HEADER_BYTES, (i + 1) * BLOCK_HEADER_BYTES));
      const at = block.begin - run[0].begin;
      parts.push(bytes.subarray(at, at + block.length));
    }
    this.#options.sent(session, bytes.length);
    return this.#write(session, parts, inUse);
  }

  /** @returns whether all left within the call */
  #write(session: PeerSession, parts: readonly Uint8Array[], inUse: BufferInUse): boolean {
    let hasLeft = false;
    inUse.users++;
    session.out.parts(parts, () => {
      hasLeft = true;
      this.#release(inUse);
    });
    return hasLeft;
  }

  #goOn(session: PeerSession, inUse: BufferInUse): void {
    this.#reading.delete(session);
    this.#release(inUse);
    this.pump(session);
  }

  #release(inUse: BufferInUse): void {
    inUse.users--;
    if (inUse.users > 0) return;
    this.#buffers.giveBack(inUse.bytes);
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

function bytesOf(run: readonly Block[]): number {
  return run.reduce((bytes, { length }) => bytes + length, 0);
}

/** How many blocks have no more bytes than that together; one at least. */
function countWithin(run: readonly Block[], maxBytes: number): number {
  let bytes = 0;
  const end = run.findIndex(({ length }) => {
    bytes += length;
    return bytes > maxBytes;
  });
  return end === -1 ? run.length : Math.max(1, end);
}
