import { availableParallelism } from 'node:os';
import { workerUrl } from '../../cluster/worker-url.ts';
import type { Content } from '../database.ts';
import { Pairs } from './pairs.ts';
import type { ArrivedPiece, HashRequest } from './storage-messages.ts';
import { ThreadCalls } from './thread-calls.ts';

/** More would wait for the disk, or take the machine from whoever sits before it. */
export const MAX_HASHING_THREADS = 4;
/** Pairs arrive in bursts: a thread falls behind with so many, and another one, which takes time and memory, is worth it. */
const VERIFYING_BEHIND = 4;
/** What is to be checked is all there at once. */
const CHECKING_BEHIND = 2;

interface HashingThread {
  readonly calls: ThreadCalls<HashRequest>;
  /** Requests that it has not answered. */
  waiting: number;
  /** Contents that it knows, by their sha1. */
  readonly open: Set<string>;
}

/** Threads that hash pieces, as many as there is work for and processors to do it. */
export class HashingThreads {
  readonly #most = Math.min(MAX_HASHING_THREADS, availableParallelism());
  /** While pieces arrive, one processor has enough to do with that. */
  readonly #mostVerifying = Math.max(1, this.#most - 1);
  readonly #threads: HashingThread[] = [];
  #isEnded = false;
  readonly #contents = new Map<string, Content>();
  /** Pieces in memory, of whatever contents, and those on the disk, by the sha1 of their content. */
  readonly #arrived = new Pairs((pieces: readonly ArrivedPiece[]) => this.#verify(pieces));
  readonly #lying = new Map<string, Pairs<number, boolean>>();

  /** Until then nothing of the content can be checked. */
  open(content: Content): void {
    this.#contents.set(content.sha1, content);
  }

  /** Has a thread ready for what arrives. */
  start(): void {
    if (this.#threads.length === 0) this.#start();
  }

  /** Whether bytes have that SHA-1. @param piece in shared memory @throws {StoreError} */
  verify(piece: ArrivedPiece): Promise<boolean> {
    return this.#arrived.add(piece);
  }

  /** Whether a piece is on the disk, hashed where it lies. @throws {StoreError} */
  check(sha1: string, piece: number): Promise<boolean> {
    let lying = this.#lying.get(sha1);
    if (!lying) {
      lying = new Pairs((pieces) => this.#check(sha1, pieces));
      this.#lying.set(sha1, lying);
    }
    return lying.add(piece);
  }

  async #verify(pieces: readonly ArrivedPiece[]): Promise<boolean[]> {
    const thread = this.#leastBusy(VERIFYING_BEHIND, this.#mostVerifying);
    return (await this.#call(thread, { type: 'verify', pieces })) as boolean[];
  }

  async #check(sha1: string, pieces: readonly number[]): Promise<boolean[]> {
    const thread = this.#leastBusy(CHECKING_BEHIND, this.#most);
    const content = this.#contents.get(sha1);
    if (content && !thread.open.has(sha1)) {
      // Most threads check nothing, ever, and to read a torrent of many files takes time. Why it cannot be read is told by `check`.
      thread.open.add(sha1);
      this.#call(thread, { type: 'openFiles', ...content }).catch(() => thread.open.delete(sha1));
    }
    return (await this.#call(thread, { type: 'check', sha1, pieces })) as boolean[];
  }

  /** Other files may be there than those that were read before. @throws {StoreError} */
  async forgetFiles(sha1: string): Promise<void> {
    await Promise.all(this.#threads.map((thread) => this.#call(thread, { type: 'forgetFiles', sha1 })));
  }

  /** @throws {StoreError} */
  async closeContent(sha1: string): Promise<void> {
    this.#contents.delete(sha1);
    this.#lying.delete(sha1);
    for (const { open } of this.#threads) open.delete(sha1);
    await Promise.all(this.#threads.map((thread) => this.#call(thread, { type: 'closeFiles', sha1 })));
  }

  async end(): Promise<void> {
    this.#isEnded = true;
    await Promise.all(this.#threads.map(({ calls }) => calls.end()));
  }

  async #call(thread: HashingThread, request: HashRequest): Promise<unknown> {
    thread.waiting++;
    try {
      return await thread.calls.call(request);
    } finally {
      thread.waiting--;
    }
  }

  /** Another one is started when all fall behind. */
  #leastBusy(behind: number, most: number): HashingThread {
    const [first, ...others] = this.#threads;
    if (!first) return this.#start();
    const least = others.reduce((best, each) => (each.waiting < best.waiting ? each : best), first);
    return least.waiting < behind || this.#threads.length >= most ? least : this.#start();
  }

  #start(): HashingThread {
    const calls = new ThreadCalls<HashRequest>(workerUrl('./hashing-thread', import.meta.url), undefined);
    // A piece may have waited for another one until now: it is refused, and no thread is left behind.
    if (this.#isEnded) void calls.end();
    else calls.start();
    const thread = { calls, waiting: 0, open: new Set<string>() };
    this.#threads.push(thread);
    return thread;
  }
}
