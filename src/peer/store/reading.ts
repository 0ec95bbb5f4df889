import { workerUrl } from '../../cluster/worker-url.ts';
import { hasBatchedCalls } from '../../net/platform.ts';
import type { Content } from '../database.ts';
import type { FileRange } from '../transport/peer-transport.ts';
import { CachedFiles } from './cached-files.ts';
import type { SealedStates } from './sealed-files.ts';
import { type ReadRequest, StoreError } from './storage-messages.ts';
import { ThreadCalls } from './thread-calls.ts';

interface Readable {
  readonly content: Content;
  /** What of it can be had at once; undefined: the thread reads all. */
  readonly cached: CachedFiles | undefined;
  /** What its files were when they were sealed; undefined: they may change, or the thread alone knows. */
  sealed: SealedStates | undefined;
  /** The thread knows it, or was told of it; undefined: it need not yet. */
  opened: Promise<unknown> | undefined;
}

/**
 * Contents as they are read for others: at once what the system has in memory, all else on a thread. That is started for the
 * first who needs it. Bytes go into shared memory.
 */
export class Reading {
  readonly #thread = new ThreadCalls<ReadRequest>(workerUrl('./reading-thread', import.meta.url), undefined);
  /** By their sha1. */
  readonly #contents = new Map<string, Readable>();

  open(content: Content): void {
    const cached = hasBatchedCalls ? CachedFiles.open(content) : undefined;
    const readable: Readable = { content, cached, sealed: undefined, opened: undefined };
    this.#contents.set(content.sha1, readable);
    // Nobody is to wait until it has read a torrent of many files. What goes wrong is told to whoever reads.
    if (!cached) this.#openOnThread(readable).catch(() => {});
  }

  /**
   * Fills `into` with the bytes of the content from `offset` on, if the system has them in memory.
   * @returns false: ask `read` for all of them
   */
  readCached(sha1: string, offset: number, into: Uint8Array): boolean {
    return this.#contents.get(sha1)?.cached?.read(offset, into) ?? false;
  }

  /** As `CachedFiles.range`. */
  cachedRange(sha1: string, offset: number, length: number): FileRange | undefined {
    return this.#contents.get(sha1)?.cached?.range(offset, length);
  }

  /** Fills `into` so when `readCached` did not. @throws {StoreError} */
  async read(sha1: string, offset: number, into: Uint8Array): Promise<void> {
    const readable = this.#contents.get(sha1);
    if (!readable) throw notOpen(sha1);
    if (readable.cached && !CachedFiles.isReady) {
      await CachedFiles.makeReady();
      if (readable.cached.read(offset, into)) return;
    }
    await this.#openOnThread(readable);
    await this.#thread.call({ type: 'read', sha1, offset, into });
  }

  /** All of it is there: a file that changes from now on is not read any more. @throws {StoreError} */
  async seal(sha1: string): Promise<void> {
    const readable = this.#contents.get(sha1);
    if (!readable) return;
    readable.sealed = readable.cached?.seal();
    if (!readable.opened) return;
    await readable.opened;
    await this.#thread.call({ type: 'seal', sha1, states: readable.sealed });
  }

  /** Its files may change: they are checked, or written, by this very peer. @throws {StoreError} */
  async unseal(sha1: string): Promise<void> {
    const readable = this.#contents.get(sha1);
    if (!readable) return;
    readable.cached?.unseal();
    readable.sealed = undefined;
    if (readable.opened) await this.#thread.call({ type: 'unseal', sha1 });
  }

  /** @throws {StoreError} */
  async close(sha1: string): Promise<void> {
    const readable = this.#contents.get(sha1);
    if (!readable) return;
    this.#contents.delete(sha1);
    readable.cached?.close();
    if (readable.opened) await this.#thread.call({ type: 'closeFiles', sha1 });
  }

  async end(): Promise<void> {
    for (const { cached } of this.#contents.values()) cached?.close();
    this.#contents.clear();
    await this.#thread.end();
  }

  async #openOnThread(readable: Readable): Promise<void> {
    readable.opened ??= this.#thread.call({ type: 'openFiles', ...readable.content, sealed: readable.sealed });
    const { opened } = readable;
    try {
      await opened;
    } catch (error) {
      // The folder may be there again when somebody else wants to read, and somebody may have tried already.
      if (readable.opened === opened) readable.opened = undefined;
      throw error;
    }
  }
}

function notOpen(sha1: string): StoreError {
  return new StoreError({ code: 'NOT_OPEN', message: `the content ${sha1} is not open` });
}
