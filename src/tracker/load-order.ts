import { statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { ReplicatedLog } from '../cluster/replicated-log.ts';

/**
 * Instances that start together may share a machine, and to load large tables takes a processor for a second or more. Clients
 * wait for the master only: who learns that another instance is the master lets it load first.
 */
export async function letMasterLoadFirst(log: Pick<ReplicatedLog, 'status'>, tables: string): Promise<void> {
  if ((statSync(tables, { throwIfNoEntry: false })?.size ?? 0) < LARGE_BYTES) return;
  for (const end = performance.now() + ELECTION_MS; performance.now() < end; await pause(POLL_MS)) {
    const { master, self } = log.status;
    if (master === self) return;
    if (master === undefined) continue;
    await pause(HEAD_START_MS);
    return;
  }
}

/** Some 100,000 peers; the rest may be in the WAL. */
export const LARGE_BYTES = 16 << 20;
/** An election takes so long when all start at once. Without one, everybody loads. */
const ELECTION_MS = 600;
/** What a million peers take. */
const HEAD_START_MS = 1_000;
const POLL_MS = 10;
