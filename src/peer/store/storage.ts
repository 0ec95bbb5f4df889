import { workerUrl } from '../../cluster/worker-url.ts';
import type { Content } from '../database.ts';
import { Bitfield } from '../picking/bitfield.ts';
import type { FileRange } from '../transport/peer-transport.ts';
import { HashingThreads } from './hashing-threads.ts';
import { Reading } from './reading.ts';
import type { OpenedContent, StorageRequest } from './storage-messages.ts';
import { ThreadCalls } from './thread-calls.ts';

/**
 * Chunks of all contents of a peer, on disk and in its database, as the network thread sees them: writing and waiting for
 * the disk are on one thread, hashing on others, and reading, where it may wait for a disk, on one more. Bytes go both ways in
 * shared memory.
 *
 * Every method throws `StoreError` with the code of what went wrong there.
 */
export class Storage {
  readonly #writing: ThreadCalls<StorageRequest>;
  readonly #hashing = new HashingThreads();
  readonly #reading = new Reading();

  /** @param dataFolder where `peer.db` is; both are made when they are not there */
  constructor(dataFolder: string) {
    this.#writing = new ThreadCalls(workerUrl('./writing-thread', import.meta.url), dataFolder);
    this.#writing.start();
  }

  /** Pieces will arrive soon: what they need is made ready. Can be called twice. */
  expectPieces(): void {
    this.#hashing.start();
  }

  /** All contents that were added and not removed. */
  async contents(): Promise<Content[]> {
    return (await this.#writing.call({ type: 'contents' })) as Content[];
  }

  /** Opens a content, adding it when it is new; `pieceCount` is that of its metainfo. */
  async open(content: Content, pieceCount: number): Promise<{ have: Bitfield; doubtful: Bitfield }> {
    const opened = (await this.#writing.call({ type: 'open', ...content })) as OpenedContent;
    const have = Bitfield.fromWire(opened.have, pieceCount);
    this.#hashing.open(content);
    if (!have.isFull) this.expectPieces();
    this.#reading.open(content);
    return { have, doubtful: Bitfield.fromWire(opened.doubtful, pieceCount) };
  }

  /**
   * Verifies and writes a chunk.
   * @param bytes in shared memory; they must not change meanwhile
   * @param hash the SHA-1 that they should have, 20 bytes
   * @returns whether they have it
   */
  async put(sha1: string, piece: number, bytes: Uint8Array, hash: Uint8Array): Promise<boolean> {
    if (!(await this.#hashing.verify({ bytes, hash }))) return false;
    await this.#writing.call({ type: 'put', sha1, piece, bytes });
    return true;
  }

  /** Hashes a chunk where it lies. @returns whether it is there */
  async check(sha1: string, piece: number): Promise<boolean> {
    const isRight = await this.#hashing.check(sha1, piece);
    await this.#writing.call({ type: 'checked', sha1, piece, isRight });
    return isRight;
  }

  /** Counts what is in doubt as right: the content was just made from the files that are there. @returns what there is */
  async adopt(sha1: string, pieceCount: number): Promise<Bitfield> {
    return Bitfield.fromWire((await this.#writing.call({ type: 'adopt', sha1 })) as Uint8Array, pieceCount);
  }

  /** Puts all chunks in doubt, to be checked one by one. */
  async doubtAll(sha1: string): Promise<void> {
    await this.#reading.unseal(sha1);
    await this.#writing.call({ type: 'doubtAll', sha1 });
    await this.#hashing.forgetFiles(sha1);
  }

  /**
   * All chunks are there: empty files are made, and all is durable when this returns. A file that changes after this is not
   * read any more, until `doubtAll`.
   */
  async finish(sha1: string): Promise<void> {
    await this.#writing.call({ type: 'finish', sha1 });
    // Before anybody hears that it is complete: whatever changes after that is found out.
    await this.#reading.seal(sha1);
  }

  /**
   * Fills `into`, shared memory, with the bytes of the content from `offset` on, if the system has them in memory.
   * @returns false: ask `read` for all of them
   */
  readCached(sha1: string, offset: number, into: Uint8Array): boolean {
    return this.#reading.readCached(sha1, offset, into);
  }

  /**
   * Where bytes of the content lie that the system has in memory, to be sent from there. The descriptor is good until the next call.
   * @returns undefined: ask `readCached`
   */
  cachedRange(sha1: string, offset: number, length: number): FileRange | undefined {
    return this.#reading.cachedRange(sha1, offset, length);
  }

  /** Fills `into`, shared memory, with the bytes of the content from `offset` on. */
  read(sha1: string, offset: number, into: Uint8Array): Promise<void> {
    return this.#reading.read(sha1, offset, into);
  }

  /** A clean stop of one content. */
  async closeContent(sha1: string): Promise<void> {
    await Promise.all([this.#reading.close(sha1), this.#hashing.closeContent(sha1)]);
    await this.#writing.call({ type: 'close', sha1 });
  }

  /** Forgets a content that is open; its files stay. */
  async remove(sha1: string): Promise<void> {
    await Promise.all([this.#reading.close(sha1), this.#hashing.closeContent(sha1)]);
    await this.#writing.call({ type: 'remove', sha1 });
  }

  /** A clean stop of all. */
  async close(): Promise<void> {
    try {
      await this.#writing.call({ type: 'stop' });
    } finally {
      await Promise.all([this.#writing.end(), this.#reading.end(), this.#hashing.end()]);
    }
  }
}
