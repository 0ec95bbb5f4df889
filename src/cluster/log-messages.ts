import type { MessagePort } from 'node:worker_threads';
import type { ClusterStatus, MemberId, RemovalCode } from './replicated-log.ts';
import type { Identity } from './storage/log-store.ts';
import type { StorageCode } from './storage/sqlite-file.ts';

// What the log thread and its clients tell each other; README.md has the table. Indexes are numbers, exact to 2^53.

/** Kinds of entries. State machines see batches only; the others belong to the engine. */
export const KIND_BATCH = 0;

/** Waiting proposals of one client; `propose` rejects beyond either. */
export const MAX_WAITING_PROPOSALS = 4_096;
export const MAX_WAITING_BYTES = 32 << 20;
/** The largest batch: it must fit into one message among members. */
export const MAX_BATCH_BYTES = 4 << 20;

/** How much a subscriber may be handed before it acknowledges. */
export interface CreditWindow {
  readonly entries: number;
  readonly bytes: number;
}
export const DEFAULT_WINDOW: CreditWindow = { entries: 4_096, bytes: 8 << 20 };

/** The most that a lagging subscriber is fed at once, so that waiting proposals come first. */
export const FEED_BYTES = 1 << 20;

/** The log keeps at least this many entries, however far the tables are. */
export const MINIMUM_TAIL_ENTRIES = 1_024;
/** Entries trimmed at once, so that proposals hardly wait for it. */
export const TRIM_SLICE_ENTRIES = 256;

export type ClientMessage =
  | { readonly type: 'propose'; readonly id: number; readonly batch: Uint8Array }
  | { readonly type: 'subscribe'; readonly after: number; readonly window: CreditWindow; readonly snapshots: boolean }
  | { readonly type: 'acknowledge'; readonly index: number }
  | { readonly type: 'trimmable'; readonly index: number }
  | { readonly type: 'transfer'; readonly id: number; readonly to: MemberId | undefined }
  | { readonly type: 'remove'; readonly id: number; readonly member: MemberId }
  /** How far the tables that answer clients are, and their hash there: other instances are told. */
  | { readonly type: 'state'; readonly index: number; readonly hash: string }
  | {
      readonly type: 'snapshot-made';
      readonly id: number;
      readonly index: number;
      readonly problem: string | undefined;
    }
  /** For another instance. */
  | { readonly type: 'send'; readonly to: MemberId; readonly message: Uint8Array }
  /** Whether messages of other instances are wanted. */
  | { readonly type: 'listen'; readonly on: boolean }
  | { readonly type: 'leave' };

export type ServerMessage =
  | {
      readonly type: 'welcome';
      readonly status: ClusterStatus;
      readonly identity: Identity;
      readonly shared: SharedArrayBuffer;
      /** What is under way of `send` and `message`: see MessageFlow. */
      readonly flows: { readonly out: SharedArrayBuffer; readonly in: SharedArrayBuffer };
    }
  | {
      /** Committed entries for a subscriber and the fate of its own proposals, in this order. */
      readonly type: 'published';
      /** Index of the first entry. */
      readonly first: number;
      readonly kinds: Uint8Array;
      readonly batches: readonly Uint8Array[];
      /** Pairs: id of a proposal, index at which it was committed. */
      readonly proposals: readonly number[];
    }
  | { readonly type: 'rejected'; readonly ids: readonly number[]; readonly reason: Rejection }
  | { readonly type: 'transferred'; readonly id: number; readonly problem: string | undefined }
  | { readonly type: 'removed'; readonly id: number; readonly refusal: Refusal | undefined }
  | { readonly type: 'status'; readonly status: ClusterStatus }
  /** From another instance. */
  | { readonly type: 'message'; readonly from: MemberId; readonly message: Uint8Array }
  /** The subscriber continues behind `index`, from the state machine in the file at `path`. */
  | { readonly type: 'restored'; readonly index: number; readonly path: string }
  | { readonly type: 'snapshot-wanted'; readonly id: number; readonly path: string }
  | { readonly type: 'failed'; readonly code: string; readonly reason: string }
  | { readonly type: 'closed' };

/** Why a member was not removed. */
export type Refusal =
  | { readonly code: RemovalCode }
  | { readonly code: 'NOT_MASTER'; readonly master: MemberId | undefined }
  | { readonly code: 'UNCERTAIN'; readonly why: string };

export type Rejection =
  | { readonly code: 'NOT_MASTER'; readonly master: MemberId | undefined }
  | { readonly code: 'OVERLOADED'; readonly waiting: number }
  | { readonly code: 'UNCERTAIN'; readonly why: string };

/** From the thread that started the log thread. */
export type HostMessage =
  | { readonly type: 'connect'; readonly port: MessagePort }
  | { readonly type: 'describe'; readonly clientPort: number }
  | { readonly type: 'close' };

/** To the thread that started the log thread. */
export type HostReply =
  | {
      readonly type: 'ready';
      readonly identity: Identity;
      /** Where other members reach this one. */
      readonly memberPort: number;
    }
  /** What whoever runs the instance should know. */
  | { readonly type: 'warning'; readonly message: string }
  | { readonly type: 'refused'; readonly code: StorageCode; readonly path: string; readonly reason: string }
  | { readonly type: 'closed' };

/**
 * Numbers that every client reads without a message.
 *
 * - `commitIndex`: entries up to it are durable on a quorum; only grows.
 * - `answerUntil`: nanoseconds of the process's monotonic clock (`process.hrtime`) until which the instance may answer
 *   clients; 0 when it may not. An engine with a lease writes its end here, so that a stalled engine thread stops the answers.
 * - `answerFrom`: a state machine that was not handed the entries up to it yet answers nobody: a new master's may lag.
 * - `refusedMessages`: what came over the members' network and was refused; only grows.
 */
export class SharedLogNumbers {
  readonly buffer: SharedArrayBuffer;
  readonly #numbers: BigInt64Array;

  constructor(buffer = new SharedArrayBuffer(5 * BigInt64Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#numbers = new BigInt64Array(buffer);
  }

  get commitIndex(): bigint {
    return Atomics.load(this.#numbers, 0);
  }

  set commitIndex(index: bigint) {
    Atomics.store(this.#numbers, 0, index);
  }

  get answerUntil(): bigint {
    return Atomics.load(this.#numbers, 1);
  }

  set answerUntil(nanoseconds: bigint) {
    Atomics.store(this.#numbers, 1, nanoseconds);
  }

  get answerFrom(): bigint {
    return Atomics.load(this.#numbers, 2);
  }

  set answerFrom(index: bigint) {
    Atomics.store(this.#numbers, 2, index);
  }

  get refusedMessages(): bigint {
    return Atomics.load(this.#numbers, 3);
  }

  set refusedMessages(count: bigint) {
    Atomics.store(this.#numbers, 3, count);
  }

  /** The oldest entry that the log still has. */
  get firstIndex(): bigint {
    return Atomics.load(this.#numbers, 4);
  }

  set firstIndex(index: bigint) {
    Atomics.store(this.#numbers, 4, index);
  }
}

/** `answerUntil` of a master that no other can replace: it is the only voter. */
export const ANSWER_FOREVER = 2n ** 63n - 1n;
