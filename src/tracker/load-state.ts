import { nameDigest } from './swarms/swarm-table.ts';
import { loadTablesInPages } from './tables/table-loader.ts';
import type { TrackerState } from './tracker-state.ts';

/**
 * Fills an empty state from the SQLite tables, or from a snapshot of them.
 * @returns the log entry that it shows; what follows in the log is to be applied on top
 * @throws {StorageError} the tables cannot be read
 */
export function loadState(path: string, state: TrackerState): bigint {
  for (const pages = loadPages(path, state); ; ) {
    const page = pages.next();
    if (page.done) return page.value;
  }
}

/**
 * The same while other things happen.
 * @param turn called between pages of some ten milliseconds; the next one follows when it resolves
 */
export async function loadStateInTurns(path: string, state: TrackerState, turn: () => Promise<void>): Promise<bigint> {
  for (const pages = loadPages(path, state); ; await turn()) {
    const page = pages.next();
    if (page.done) return page.value;
  }
}

function* loadPages(path: string, state: TrackerState): Generator<void, bigint> {
  const { table, admission } = state;
  const hash = new Int32Array(5);
  const hashBytes = new Uint8Array(hash.buffer);
  const address = new Uint16Array(9);
  const addressBytes = new Uint8Array(address.buffer);
  let appliedIndex = 0n;
  let now = 0;
  const open = (infoHash: Uint8Array) => {
    hashBytes.set(infoHash);
    return table.open(hash, 0, now);
  };
  yield* loadTablesInPages(path, {
    meta(meta) {
      appliedIndex = meta.appliedIndex;
      now = Math.floor(meta.clusterTimeMs / 1000);
      // Tables that no batch has reached say nothing of the cluster's time.
      if (meta.clusterTimeMs > 0) state.clock.advanceTo(meta.clusterTimeMs);
      admission.mode = meta.admissionMode;
      if (meta.secret) state.setSecret(meta.secret);
    },
    admission: (list, infoHash) => admission.add(list, infoHash),
    swarm(infoHash, completed, name, size) {
      const swarm = open(infoHash);
      if (completed > 0) table.setCompleted(swarm, completed);
      if (name) table.setName(swarm, nameDigest(name, 0, name.length, size));
    },
    peers(infoHash, family, count, addresses, lastSeen, seeders) {
      const swarm = open(infoHash);
      const store = family === 4 ? table.peers4 : table.peers6;
      const bytes = store.stride * 2;
      for (let peer = 0; peer < count; peer++) {
        for (let byte = 0; byte < bytes; byte++) addressBytes[byte] = addresses[peer * bytes + byte];
        table.announce(swarm, store, address, 0, seeders[peer] === 1, false, lastSeen[peer]);
      }
    },
  });
  return appliedIndex;
}
