import { Worker } from 'node:worker_threads';
import { workerUrl } from '../../cluster/worker-url.ts';
import type { IndexPage, IndexQuery } from './contents-index.ts';
import type { ListingReply, ListingRequest, ListingThreadOptions } from './listing-messages.ts';

/** Contents cannot be searched and sorted, or not now; `code` says why. */
export class ListingError extends Error {
  override readonly name = 'ListingError';
  readonly code: string;
  constructor(code: string, reason: string) {
    super(reason);
    this.code = code;
  }
}

/** Queries under way; one more is refused. */
export const MAX_WAITING_QUERIES = 64;
/** The thread and its memory are given up when nobody has asked for so long. */
const IDLE_MS = 60_000;

/** Searches and sorts the contents, on a thread of its own that is started when somebody asks. */
export class ListingClient {
  readonly #path: string;
  readonly #idleMs: number;
  #thread: ListingThread | undefined;
  #idle: NodeJS.Timeout | undefined;
  #closed = false;

  /** @param path the tables, which their writer has opened before */
  constructor(path: string, { idleMs = IDLE_MS } = {}) {
    this.#path = path;
    this.#idleMs = idleMs;
  }

  /** Whether the thread is there. */
  get isAwake(): boolean {
    return this.#thread !== undefined;
  }

  /** @throws {ListingError} BAD_CURSOR, TOO_MANY_CONTENTS, OVERLOADED, CLOSED, or what ails the tables */
  async query(query: IndexQuery): Promise<IndexPage> {
    if (this.#closed) throw new ListingError('CLOSED', 'this instance stops');
    this.#thread ??= this.#start();
    const thread = this.#thread;
    clearTimeout(this.#idle);
    try {
      return await thread.query(query);
    } finally {
      clearTimeout(this.#idle);
      if (thread === this.#thread && thread.isIdle) this.#idle = setTimeout(() => this.#rest(), this.#idleMs).unref();
    }
  }

  /** Can be called twice. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#rest();
  }

  #start(): ListingThread {
    const thread = new ListingThread(this.#path);
    void thread.ended.then(() => {
      if (this.#thread === thread) this.#thread = undefined;
    });
    return thread;
  }

  async #rest(): Promise<void> {
    clearTimeout(this.#idle);
    const thread = this.#thread;
    this.#thread = undefined;
    await thread?.close();
  }
}

class ListingThread {
  readonly ended: Promise<void>;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, PromiseWithResolvers<IndexPage>>();
  #nextId = 1;

  constructor(path: string) {
    this.#worker = new Worker(workerUrl('./listing-thread', import.meta.url), {
      workerData: { path } satisfies ListingThreadOptions,
    });
    this.#worker.on('message', (reply: ListingReply) => this.#receive(reply));
    let failure: Error | undefined;
    this.#worker.on('error', (error: Error) => {
      failure = error;
    });
    this.ended = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        const reason = failure === undefined ? 'this instance stops' : `contents could not be read: ${failure.message}`;
        for (const waiting of this.#waiting.values()) {
          waiting.reject(new ListingError(failure === undefined ? 'CLOSED' : 'LISTING_FAILED', reason));
        }
        this.#waiting.clear();
        resolve();
      });
    });
  }

  /** Whether nobody waits for an answer. */
  get isIdle(): boolean {
    return this.#waiting.size === 0;
  }

  query(query: IndexQuery): Promise<IndexPage> {
    if (this.#waiting.size >= MAX_WAITING_QUERIES) {
      const reason = 'too many searches are under way; try again in a second';
      return Promise.reject(new ListingError('OVERLOADED', reason));
    }
    const id = this.#nextId++;
    const waiting = Promise.withResolvers<IndexPage>();
    this.#waiting.set(id, waiting);
    this.#worker.postMessage({ type: 'query', id, query } satisfies ListingRequest);
    return waiting.promise;
  }

  async close(): Promise<void> {
    this.#worker.postMessage({ type: 'close' } satisfies ListingRequest);
    const late = setTimeout(() => void this.#worker.terminate(), CLOSE_GRACE_MS);
    await this.ended;
    clearTimeout(late);
  }

  #receive(reply: ListingReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.type === 'page') waiting?.resolve(reply.page);
    else waiting?.reject(new ListingError(reply.code, reply.reason));
  }
}

const CLOSE_GRACE_MS = 2_000;
