import type { MessagePort } from 'node:worker_threads';

// What the database thread and whoever started it tell each other.

export interface DatabaseThreadOptions {
  /** The tables. */
  readonly path: string;
  /** A connection to the log. */
  readonly log: MessagePort;
  /** Numbers of TablesProgress. */
  readonly progress: SharedArrayBuffer;
}

export type DatabaseRequest =
  | { readonly type: 'flush'; readonly id: number; readonly index: bigint }
  | { readonly type: 'close' };

export type DatabaseReply =
  | { readonly type: 'ready' }
  | { readonly type: 'flushed'; readonly id: number; readonly index: bigint }
  | { readonly type: 'failed'; readonly code: string; readonly path: string; readonly reason: string }
  | { readonly type: 'closed' };

/** How far the tables are, for every thread to read without a message. */
export class TablesProgress {
  readonly buffer: SharedArrayBuffer;
  readonly #numbers: BigInt64Array;

  constructor(buffer = new SharedArrayBuffer(2 * BigInt64Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#numbers = new BigInt64Array(buffer);
  }

  /** The log entry that the tables show. */
  get appliedIndex(): bigint {
    return Atomics.load(this.#numbers, 0);
  }

  set appliedIndex(index: bigint) {
    Atomics.store(this.#numbers, 0, index);
  }

  /** The log entry that they show even after a power cut. */
  get durableIndex(): bigint {
    return Atomics.load(this.#numbers, 1);
  }

  set durableIndex(index: bigint) {
    Atomics.store(this.#numbers, 1, index);
  }
}
