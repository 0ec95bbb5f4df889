import type { HardState, Identity, LogBase, LogChange } from '../storage/log-store.ts';
import type { PackedEntries } from '../storage/packed-entries.ts';
import type { StorageCode } from '../storage/sqlite-file.ts';

// What the log thread and the disk thread of one instance tell each other.

export interface DiskThreadOptions {
  readonly folder: string;
  readonly cluster: string;
}

/** The cluster that a log belongs to from now on, and the membership that it begins with. */
export interface FoundedCluster {
  readonly uuid: string;
  readonly membership: string;
}

/** Each is answered, in order, by `done`; but for `close`, by `closed`. */
export type DiskRequest =
  | { readonly type: 'write'; readonly change: LogChange }
  | { readonly type: 'genesis'; readonly genesis: string; readonly cluster: FoundedCluster | undefined }
  | { readonly type: 'renew' }
  | { readonly type: 'trim'; readonly index: number; readonly membership: string }
  | { readonly type: 'take-precedence' }
  | { readonly type: 'close' };

export type DiskReply =
  /** A piece of the log, in order; all of them come before `opened`. */
  | { readonly type: 'entries'; readonly entries: PackedEntries }
  | ({ readonly type: 'opened' } & DiskContent)
  | { readonly type: 'refused'; readonly code: StorageCode; readonly path: string; readonly reason: string }
  | { readonly type: 'done' }
  /** Nothing more is written. */
  | { readonly type: 'failed'; readonly reason: string }
  | { readonly type: 'closed' };

/** What the disk held at the start of this run. */
export interface DiskContent {
  readonly identity: Identity;
  readonly hardState: HardState;
  readonly base: LogBase;
  readonly genesis: string;
  readonly lastIndex: number;
}
