import { workerUrl } from '../../cluster/worker-url.ts';
import { hasBatchedCalls } from '../../net/platform.ts';
import type { Content } from '../database.ts';
import { Bitfield } from '../picking/bitfield.ts';
import { CachedFiles } from './cached-files.ts';
import { HashingThreads } from './hashing-threads.ts';
import type { OpenedContent, ReadRequest, StorageRequest } from './storage-messages.ts';
import { ThreadCalls } from './thread-calls.ts';

/**
 * Chunks of all contents of a peer, on disk and in its database, as the network thread sees them: writing and waiting for
 * the disk are on one thread, reading for others on a second, hashing on further ones. What is in memory is read at once. Bytes go both ways in shared memory.
 *
 * Every method throws `StoreError` with the code of what went wrong there.
 */
export class Storage {
  readonly #writing: ThreadCalls<StorageRequest>;
  readonly #reading: ThreadCalls<ReadRequest>;
  readonly #hashing = new HashingThreads();
  /** Contents that were opened, until the reading thread knows their files. None waits for that but who reads. */
  readonly #readable = new Map<string, Promise<unknown>>();
  /** Of contents that are open; of others the reading thread reads all. */
  readonly #cached = new Map<string, CachedFiles>();

  /** @param databasePath of `peer.db`, which is made when it is not there */
  constructor(databasePath: string) {
    this.#writing = new ThreadCalls(workerUrl('./writing-thread', import.meta.url), databasePath);
    this.#writing.start();
    this.#reading = new ThreadCalls(workerUrl('./reading-thread', import.meta.url), undefined);
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
    // It starts beside the reading thread, and is needed sooner.
    if (!have.isFull) this.#hashing.start();
    const cached = hasBatchedCalls ? CachedFiles.open(content) : undefined;
    if (cached) this.#cached.set(content.sha1, cached);
    const isReadable = this.#reading.call({ type: 'openFiles', ...content });
    this.#readable.set(content.sha1, isReadable);
    // Told to whoever reads.
    isReadable.catch(() => {});
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
    this.#cached.get(sha1)?.unseal();
    await this.#reading.call({ type: 'unseal', sha1 });
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
    await this.#readable.get(sha1);
    await this.#reading.call({ type: 'seal', sha1 });
    this.#cached.get(sha1)?.seal();
  }

  /**
   * Fills `into`, shared memory, with the bytes of the content from `offset` on, if the system has them in memory.
   * @returns false: ask `read` for all of them
   */
  readCached(sha1: string, offset: number, into: Uint8Array): boolean {
    return this.#cached.get(sha1)?.read(offset, into) ?? false;
  }

  /** Fills `into`, shared memory, with the bytes of the content from `offset` on. */
  async read(sha1: string, offset: number, into: Uint8Array): Promise<void> {
    await this.#readable.get(sha1);
    await this.#reading.call({ type: 'read', sha1, offset, into });
  }

  /** A clean stop of one content. */
  async closeContent(sha1: string): Promise<void> {
    this.#forgetFiles(sha1);
    await Promise.all([this.#reading.call({ type: 'closeFiles', sha1 }), this.#hashing.closeContent(sha1)]);
    await this.#writing.call({ type: 'close', sha1 });
  }

  /** Forgets a content that is open; its files stay. */
  async remove(sha1: string): Promise<void> {
    this.#forgetFiles(sha1);
    await Promise.all([this.#reading.call({ type: 'closeFiles', sha1 }), this.#hashing.closeContent(sha1)]);
    await this.#writing.call({ type: 'remove', sha1 });
  }

  /** A clean stop of all. */
  async close(): Promise<void> {
    for (const sha1 of [...this.#cached.keys()]) this.#forgetFiles(sha1);
    try {
      await this.#writing.call({ type: 'stop' });
    } finally {
      await Promise.all([this.#writing.end(), this.#reading.end(), this.#hashing.end()]);
    }
  }

  #forgetFiles(sha1: string): void {
    this.#readable.delete(sha1);
    this.#cached.get(sha1)?.close();
    this.#cached.delete(sha1);
  }
}
