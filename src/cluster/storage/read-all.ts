import type { LogEntry } from './log-entry.ts';
import type { LogStore } from './log-store.ts';
import { unpack } from './packed-entries.ts';

/** Everything that a log on the disk holds, for tests. */
export function readAll(store: LogStore): LogEntry[] {
  const entries: LogEntry[] = [];
  for (const piece of store.readPacked(PIECE_BYTES)) unpack(piece, (entry) => entries.push(entry));
  return entries;
}

const PIECE_BYTES = 1 << 20;
