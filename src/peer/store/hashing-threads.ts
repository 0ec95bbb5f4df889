import { availableParallelism } from 'node:os';
import { workerUrl } from '../../cluster/worker-url.ts';
import type { Content } from '../database.ts';
import type { HashRequest } from './storage-messages.ts';
import { ThreadCalls } from './thread-calls.ts';

/** More would wait for the disk, or take the machine from whoever sits before it. */
export const MAX_HASHING_THREADS = 4;

interface HashingThread {
  readonly calls: ThreadCalls<HashRequest>;
  /** Requests that it has not answered. */
  waiting: number;
}

/** Threads that hash pieces, as many as there is work for and processors to do it. */
export class HashingThreads {
  readonly #most = Math.min(MAX_HASHING_THREADS, availableParallelism());
  readonly #threads: HashingThread[] = [];
  readonly #contents = new Map<string, Content>();

  /** Until then nothing of the content can be hashed. */
  open(content: Content): void {
    this.#contents.set(content.sha1, content);
    for (const thread of this.#threads) tellOf(thread, content);
  }

  /** Whether bytes are those of a piece. @param bytes in shared memory @throws {StoreError} */
  async verify(sha1: string, piece: number, bytes: Uint8Array): Promise<boolean> {
    return (await this.#call({ type: 'verify', sha1, piece, bytes })) as boolean;
  }

  /** Whether a piece is on the disk, hashed where it lies. @throws {StoreError} */
  async check(sha1: string, piece: number): Promise<boolean> {
    return (await this.#call({ type: 'check', sha1, piece })) as boolean;
  }

  /** Other files may be there than those that were read before. @throws {StoreError} */
  async forgetFiles(sha1: string): Promise<void> {
    await Promise.all(this.#threads.map(({ calls }) => calls.call({ type: 'forgetFiles', sha1 })));
  }

  /** @throws {StoreError} */
  async closeContent(sha1: string): Promise<void> {
    this.#contents.delete(sha1);
    await Promise.all(this.#threads.map(({ calls }) => calls.call({ type: 'closeFiles', sha1 })));
  }

  async end(): Promise<void> {
    await Promise.all(this.#threads.map(({ calls }) => calls.end()));
  }

  async #call(request: HashRequest): Promise<unknown> {
    const thread = this.#leastBusy();
    thread.waiting++;
    try {
      return await thread.calls.call(request);
    } finally {
      thread.waiting--;
    }
  }

  /** Another one is started when all have work. */
  #leastBusy(): HashingThread {
    const [first, ...others] = this.#threads;
    if (!first) return this.#start();
    const least = others.reduce((best, each) => (each.waiting < best.waiting ? each : best), first);
    return least.waiting === 0 || this.#threads.length >= this.#most ? least : this.#start();
  }

  #start(): HashingThread {
    const thread = {
      calls: new ThreadCalls<HashRequest>(workerUrl('./hashing-thread', import.meta.url), undefined),
      waiting: 0,
    };
    for (const content of this.#contents.values()) tellOf(thread, content);
    this.#threads.push(thread);
    return thread;
  }
}

/** A folder that cannot be read is told of when something is asked of the content. */
function tellOf({ calls }: HashingThread, content: Content): void {
  calls.call({ type: 'openFiles', ...content }).catch(() => {});
}
