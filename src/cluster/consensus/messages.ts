import type { Entry } from './entry.ts';
import type { ClusterId, MemberId } from './identity.ts';
import type { Membership } from './membership.ts';

/** Every message among members; the README has them in one table. */
export type Message =
  | PreVote
  | PreVoteReply
  | Vote
  | VoteReply
  | Append
  | AppendAck
  | AppendReject
  | SnapshotChunk
  | SnapshotAck
  | TimeoutNow
  | Hello
  | Welcome
  | Refused
  | Join;

/** Carried by every message. */
export interface Envelope {
  /** A message of another cluster is dropped. */
  readonly cluster: ClusterId;
  readonly from: MemberId;
  readonly to: MemberId;
  /** The sender's incarnation: a message of another process than the one being listened to is dropped. */
  readonly boot: number;
  readonly nonce: number;
  /** The sender's term; in `pre-vote` the term that it has, not the one that it would like. */
  readonly term: number;
}

/** What a snapshot, or the start of a trimmed log, stands for. */
export interface SnapshotMeta {
  /** The last entry that is inside. 0: nothing is. */
  readonly index: number;
  /** That entry's term. */
  readonly term: number;
  /** The membership as of that entry (rule 5). */
  readonly membership: Membership;
}

/** Which log the candidate has (rule 2). */
interface LastEntry {
  readonly lastIndex: number;
  readonly lastTerm: number;
}

/**
 * The master's clock when it sent what is answered, echoed by the receiver: the lease counts from here. Meaningless to
 * anyone but the sender.
 */
interface Stamped {
  readonly stamp: number;
}

export interface PreVote extends Envelope, LastEntry {
  readonly type: 'pre-vote';
}
export interface PreVoteReply extends Envelope {
  readonly type: 'pre-vote-reply';
  readonly granted: boolean;
  /** The term of the request answered: an answer to an older question does not count. */
  readonly asked: number;
}
export interface Vote extends Envelope, LastEntry {
  readonly type: 'vote';
  /** The old master ordered this election and its lease is over: voters need not wait for it to fall silent. */
  readonly transfer: boolean;
}
export interface VoteReply extends Envelope {
  readonly type: 'vote-reply';
  readonly granted: boolean;
}
export interface Append extends Envelope, Stamped {
  readonly type: 'append';
  readonly prevIndex: number;
  readonly prevTerm: number;
  /** Consecutive from prevIndex + 1. */
  readonly entries: readonly Entry[];
  readonly commit: number;
}
export interface AppendAck extends Envelope, Stamped {
  readonly type: 'append-ack';
  /** Up to here the log is the master's, and durable. */
  readonly match: number;
}
export interface AppendReject extends Envelope, Stamped {
  readonly type: 'append-reject';
  readonly prevIndex: number;
  /** The logs may agree up to here, certainly not after; the entry's term lets the master skip whole terms. */
  readonly hintIndex: number;
  readonly hintTerm: number;
}
export interface SnapshotChunk extends Envelope, Stamped {
  readonly type: 'snapshot-chunk';
  readonly meta: SnapshotMeta;
  /** Where `data` belongs, in bytes from the start of the snapshot. */
  readonly offset: number;
  readonly data: Uint8Array;
  readonly last: boolean;
}
export interface SnapshotAck extends Envelope {
  readonly type: 'snapshot-ack';
  readonly index: number;
  /** The next byte wanted of the snapshot at `index`. */
  readonly next: number;
}
export interface TimeoutNow extends Envelope {
  readonly type: 'timeout-now';
}
export interface Hello extends Envelope {
  readonly type: 'hello';
}
export interface Welcome extends Envelope {
  readonly type: 'welcome';
  /** The incarnation that is welcome. */
  readonly welcomedBoot: number;
  readonly welcomedNonce: number;
  /** A master under its lease says so: its word is enough for a member whose own membership may be long out of date. */
  readonly byMaster: boolean;
}
export interface Refused extends Envelope {
  readonly type: 'refused';
  /** The incarnation that is refused. */
  readonly refusedBoot: number;
  readonly refusedNonce: number;
}
export interface Join extends Envelope {
  readonly type: 'join';
}

type Unaddressed<M> = M extends Message ? Omit<M, Exclude<keyof Envelope, 'term'>> : never;

/** A message as the concerns write it: the core adds cluster, sender and receiver. */
export type Outgoing = Unaddressed<Message>;
