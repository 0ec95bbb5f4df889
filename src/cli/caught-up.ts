import { setTimeout as pause } from 'node:timers/promises';
import type { Tracker } from '../tracker/tracker.ts';

/**
 * Resolves when the instance has nearly everything that the master has, or after a while. A newcomer that has a million peers to
 * fetch, or a slave that has them to load, does that first, before anything else takes its processor.
 */
export async function caughtUp(tracker: Pick<Tracker, 'status'>, patienceMs = PATIENCE_MS): Promise<void> {
  for (const end = performance.now() + patienceMs; performance.now() < end; await pause(POLL_MS)) {
    const { master, self, members } = tracker.status();
    const appliedBy = (member: string) => members.find(({ id }) => id === member)?.appliedIndex ?? 0n;
    if (master === undefined || appliedBy(master) - appliedBy(self) <= NEARLY_ENTRIES) return;
  }
}

/** Longer, and whoever looks after the instance would like to see what it does. */
const PATIENCE_MS = 3_000;
/** Of a master that goes on. */
const NEARLY_ENTRIES = 256n;
const POLL_MS = 10;
