import type { Entry } from './entry.ts';
import type { MemberId } from './identity.ts';
import type { Membership } from './membership.ts';
import type { Message, SnapshotMeta } from './messages.ts';

export type Role = 'master' | 'slave' | 'candidate' | 'learner';

/** What must survive a crash before anything that rests on it leaves (rule 1). */
export interface HardState {
  /** Never falls. */
  readonly term: number;
  /** Whom this member voted for in `term`; null: nobody yet. Changes only from null within a term. */
  readonly vote: MemberId | null;
}

/** What the core asks of the host, in this order within one step. */
export type Effect =
  | Persist
  | { readonly type: 'send'; readonly message: Message }
  /** Committed entries, consecutive, each once per run, durable here. Those after a restart begin after `Stored.applied`. */
  | { readonly type: 'apply'; readonly entries: readonly Entry[] }
  /** The snapshot installed by a `persist` is durable: the state machine is now the snapshot's. */
  | { readonly type: 'restore'; readonly meta: SnapshotMeta }
  | Reply
  | { readonly type: 'role'; readonly role: Role; readonly term: number; readonly master: MemberId | null }
  /** The membership in force changed; `index` is its entry. It may still be undone until that is committed. */
  | { readonly type: 'membership'; readonly membership: Membership; readonly index: number }
  /**
   * Read up to `maxBytes` of a snapshot from `offset`. `index` null: of the newest, which the host makes if need be, and
   * keeps until the transfer ends. Answer with `snapshot-read`.
   */
  | {
      readonly type: 'read-snapshot';
      readonly to: MemberId;
      readonly transfer: number;
      readonly index: number | null;
      readonly offset: number;
      readonly maxBytes: number;
    }
  /** Put a received piece of the snapshot at meta.index aside; offset 0 begins that one anew. Answer with `chunk-staged`. Nothing is visible until a `persist` installs it. */
  | {
      readonly type: 'stage-chunk';
      readonly meta: SnapshotMeta;
      readonly offset: number;
      readonly data: Uint8Array;
      readonly last: boolean;
    }
  /** Entries up to `base.index` are no longer needed; `base` is where the stored log starts from now on. */
  | { readonly type: 'trim'; readonly base: SnapshotMeta }
  | { readonly type: 'transfer-ended'; readonly outcome: 'handed-over' | 'failed' }
  /**
   * What will become of a `remove`. `begun`: the membership changes follow, if this master stays. Otherwise nothing does:
   * `alive`: it would ask to join again at once, so it has to be stopped first. `needed`: a voter of so few is replaced, and
   * nobody has caught up to take its place; or so many others are silent that those left could not agree.
   */
  | { readonly type: 'removal'; readonly member: MemberId; readonly outcome: RemovalOutcome }
  /** Stop this instance, it has said its last word: another process of its identity is alive. */
  | { readonly type: 'halt'; readonly reason: 'duplicate' };

export type RemovalOutcome = 'begun' | 'not-master' | 'no-member' | 'alive' | 'needed';

/**
 * One transaction and one fsync. At most one is under way at a time: what comes up meanwhile is gathered for the next.
 * The parts count in the order of the fields; a disk that keeps only a prefix of them in a crash does no harm.
 */
export interface Persist {
  readonly type: 'persist';
  /** 1, 2, 3, ... within a run. */
  readonly seq: number;
  readonly hardState: HardState | null;
  /** Delete the entries from this index on. */
  readonly truncateFrom: number | null;
  /** Replace the state machine by the staged snapshot and the log's start by its meta; later entries stay or go. */
  readonly snapshot: { readonly meta: SnapshotMeta; readonly keepLater: boolean } | null;
  readonly entries: readonly Entry[];
}

/**
 * What became of a proposal. `committed`: durable on a quorum, and applied here by an earlier effect. `not-master` and
 * `overloaded`: it never entered the log and never will. `uncertain`: it may or may not commit later (rule 11); only
 * the proposer can know whether to try again.
 */
export type Reply = { readonly type: 'reply'; readonly requestId: number } & (
  | { readonly outcome: 'committed'; readonly index: number; readonly term: number }
  | { readonly outcome: 'not-master'; readonly master: MemberId | null }
  | { readonly outcome: 'overloaded' }
  | { readonly outcome: 'uncertain' }
);

/** What the host read from its disk. `emptyDisk` for a new instance. */
export interface Stored {
  readonly hardState: HardState;
  /** Where the log starts: the last trim or the installed snapshot. */
  readonly base: SnapshotMeta;
  /** Consecutive from base.index + 1. */
  readonly entries: readonly Entry[];
  /** What the state machine on disk contains: base.index <= applied <= last entry. */
  readonly applied: number;
}

/** The disk of a member before its first run: `membership` comes from the genesis, or is empty for one that joins. */
export function emptyDisk(membership: Membership): Stored {
  return { hardState: { term: 0, vote: null }, base: { index: 0, term: 0, membership }, entries: [], applied: 0 };
}
