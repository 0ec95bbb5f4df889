import { entryBytes } from './entry.ts';
import type { Replication } from './replication.ts';
import type { SnapshotSender } from './snapshot-sender.ts';
import type { State } from './state.ts';

/** A log that a snapshot under way needs may grow to this many times `keepLogBytes`; then that snapshot has to begin again. */
const PINNED_LOG_FACTOR = 4;

/**
 * The state machine on disk has everything up to `index`: the log gives back its beginning, down to `keepLogBytes`. Members
 * that are further behind get a snapshot.
 */
export function trimLog(state: State, index: number, replication: Replication, snapshots: SnapshotSender): void {
  const { log, membership, limits, applied } = state;
  const pinned = log.bytes <= PINNED_LOG_FACTOR * limits.keepLogBytes;
  const needed = pinned ? snapshots.neededFrom(replication.progress.values()) : Number.POSITIVE_INFINITY;
  const limit = Math.min(index, applied, log.durable, needed);
  let cut = log.base.index;
  let bytes = log.bytes;
  while (cut < limit && bytes > limits.keepLogBytes) {
    cut++;
    bytes -= entryBytes(log.entry(cut));
  }
  if (cut === log.base.index) return;
  const base = { index: cut, term: log.entry(cut).term, membership: membership.at(cut) };
  log.trim(base);
  membership.trim(cut);
  state.emit({ type: 'trim', base });
}
