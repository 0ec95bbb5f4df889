import { heldBytes } from './entry.ts';
import type { Replication } from './replication.ts';
import type { SnapshotSender } from './snapshot-sender.ts';
import type { State } from './state.ts';

/**
 * A log that somebody still needs, to catch up or behind a snapshot that is under way, may grow to this many times
 * `keepLogBytes`; then they have to begin again with a newer snapshot.
 */
const PINNED_LOG_FACTOR = 4;

/**
 * The state machine on disk has everything up to `index`: the log gives back its beginning, down to `keepLogBytes`. Members
 * that are further behind get a snapshot; but not those that listen and are merely slow.
 */
export function trimLog(state: State, index: number, replication: Replication, snapshots: SnapshotSender): void {
  const { log, membership, limits, applied } = state;
  const { voters, learners } = membership.current;
  const keep =
    voters.length + learners.length === 1
      ? Math.min(limits.soleKeepLogBytes, limits.keepLogBytes)
      : limits.keepLogBytes;
  const pinned = log.bytes <= PINNED_LOG_FACTOR * limits.keepLogBytes;
  const needed = pinned
    ? Math.min(snapshots.neededFrom(replication.progress.values()), replication.neededFrom())
    : Number.POSITIVE_INFINITY;
  const limit = Math.min(index, applied, log.durable, needed);
  let cut = log.base.index;
  let bytes = log.bytes;
  while (cut < limit && bytes > keep) {
    cut++;
    bytes -= heldBytes(log.entry(cut));
  }
  if (cut === log.base.index) return;
  const base = { index: cut, term: log.entry(cut).term, membership: membership.at(cut) };
  log.trim(base);
  membership.trim(cut);
  state.emit({ type: 'trim', base });
}
