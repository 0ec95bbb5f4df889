import type { MemberId } from './identity.ts';
import type { Message, SnapshotMeta } from './messages.ts';

/** What the host tells the core. Every event comes with the monotonic time, see `Core.step`. */
export type Event =
  /** Time has passed. Send one at least every 10 ms or so, and at `Core.wakeAt` at the latest. */
  | { readonly type: 'tick' }
  | { readonly type: 'message'; readonly message: Message }
  /** The `persist` effect of this number is durable. Never for one that failed: a failed disk stops the instance. */
  | { readonly type: 'persisted'; readonly seq: number }
  /** Replicate the data, in this order: what has come together travels together. */
  | { readonly type: 'proposed'; readonly requests: readonly Request[] }
  /** The state machine has everything up to `index` on disk: the log behind it may be trimmed. */
  | { readonly type: 'applied'; readonly index: number }
  /**
   * The process of that incarnation is certainly dead: its connection was closed or refused. Not: it is silent. `boot` is the
   * one last heard; any number if none was.
   */
  | { readonly type: 'died'; readonly member: MemberId; readonly boot: number }
  /** A keepalive of that incarnation arrived. */
  | { readonly type: 'heard'; readonly member: MemberId; readonly boot: number; readonly nonce: number }
  /** Hand mastership to `to`, or to the voter that is furthest. */
  | { readonly type: 'transfer'; readonly to: MemberId | null }
  /** Somebody wants that member out of the cluster; answered by a `removal` effect. */
  | { readonly type: 'remove'; readonly member: MemberId }
  /** Members of the cluster that discovery found; an instance that is joining asks them. */
  | { readonly type: 'contacts'; readonly members: readonly MemberId[] }
  /** Answer to `read-snapshot`. `chunk` null: that snapshot does not exist (any more), begin again. */
  | {
      readonly type: 'snapshot-read';
      readonly to: MemberId;
      readonly transfer: number;
      readonly chunk: ReadChunk | null;
    }
  /** Answer to `stage-chunk`, in the same order. */
  | { readonly type: 'chunk-staged'; readonly index: number; readonly next: number; readonly outcome: StageOutcome };

/** Answered by a `reply` effect with the same number, which must be unique within this run. */
export interface Request {
  readonly requestId: number;
  readonly data: Uint8Array;
}

export interface ReadChunk {
  readonly meta: SnapshotMeta;
  readonly offset: number;
  readonly data: Uint8Array;
  readonly last: boolean;
}

/** `complete`: all bytes are there and their checksum is right. `corrupt`: all are there, begin again. */
export type StageOutcome = 'partial' | 'complete' | 'corrupt';
