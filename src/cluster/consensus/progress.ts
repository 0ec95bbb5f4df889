import type { MemberId } from './identity.ts';
import type { SnapshotMeta } from './messages.ts';

/**
 * What the master knows of one member's log, in its term.
 *
 * - `probe`: where the logs meet is unknown. One message is sent, then answers steer `next`; heartbeats repeat it.
 * - `replicate`: messages follow each other without waiting, bounded by the in-flight limits.
 * - `snapshot`: the member needs entries that were trimmed. It gets a snapshot, and heartbeats.
 */
export interface Progress {
  readonly member: MemberId;
  state: 'probe' | 'replicate' | 'snapshot';
  /** The member has, durably, the master's log up to here. Never falls within a term. match < next. */
  match: number;
  /** The next entry to send. In `replicate` everything in (match, next) is under way. */
  next: number;
  /** In `probe`: the probe was sent; only an answer or a heartbeat sends again. */
  probed: boolean;
  /** Last index and size of each append under way, oldest first; indexes rise. Empty outside `replicate`. */
  inflight: { readonly last: number; readonly bytes: number }[];
  /** Sum over `inflight`. */
  inflightBytes: number;
  /** When anything was last received from the member in this term. */
  heardAt: number;
  /** Set exactly in state `snapshot`. */
  transfer: SnapshotTransfer | null;
}

/** A snapshot on its way to one member. 0 <= acked <= sent. */
export interface SnapshotTransfer {
  /** Tells answers for this transfer from those for one before it. */
  readonly id: number;
  /** Known when the host has answered the first read. */
  meta: SnapshotMeta | null;
  /** The member holds the bytes before this one. */
  acked: number;
  /** Bytes before this one were sent. */
  sent: number;
  /** The host was asked for the bytes at `sent` and has not answered. */
  reading: boolean;
  /** The last chunk was sent. */
  finished: boolean;
  /** When the transfer last moved on. */
  movedAt: number;
}

export function newProgress(member: MemberId, next: number, now: number): Progress {
  return {
    member,
    state: 'probe',
    match: 0,
    next,
    probed: false,
    inflight: [],
    inflightBytes: 0,
    heardAt: now,
    transfer: null,
  };
}

/** Entries from here on are sent one message at a time until the member answers. */
export function toProbe(progress: Progress, next: number): void {
  progress.state = 'probe';
  progress.next = Math.max(progress.match + 1, next);
  progress.probed = false;
  progress.inflight = [];
  progress.inflightBytes = 0;
  progress.transfer = null;
}

export function toReplicate(progress: Progress): void {
  toProbe(progress, progress.match + 1);
  progress.state = 'replicate';
}

/** Entries up to `match` arrived. */
export function freeInflight(progress: Progress, match: number): void {
  let done = 0;
  while (done < progress.inflight.length && progress.inflight[done].last <= match) {
    progress.inflightBytes -= progress.inflight[done].bytes;
    done++;
  }
  if (done > 0) progress.inflight.splice(0, done);
}
