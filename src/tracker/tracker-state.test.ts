import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { temporaryFolder } from '../cluster/storage/storage-faults.ts';
import { ClusterClock } from './cluster-clock.ts';
import { TrackerDatabase } from './database.ts';
import { loadState } from './load-state.ts';
import { ADMISSION_ALLOW, ADMISSION_DENY, BatchWriter, OP_ADMISSION_ADD, OP_ADMISSION_REMOVE } from './operations.ts';
import { SwarmTable } from './swarms/swarm-table.ts';
import { fromHex, HASHES, history, toBatches } from './tables/test-tables.ts';
import { TrackerState } from './tracker-state.ts';

function newState(): TrackerState {
  return new TrackerState(new ClusterClock(() => 0), new SwarmTable({ swarms: 64, peers4: 4096, peers6: 4096 }));
}

function applied(state: TrackerState, ...writes: ((writer: BatchWriter) => void)[]): TrackerState {
  for (const write of writes) {
    const writer = new BatchWriter(1 << 16);
    write(writer);
    state.apply(1n, writer.take(1_000));
  }
  return state;
}

const infoHash = fromHex(HASHES[0]);
const adds =
  (list: number, hash = infoHash) =>
  (writer: BatchWriter) =>
    writer.admission(OP_ADMISSION_ADD, list, hash);
const removes = (list: number) => (writer: BatchWriter) => writer.admission(OP_ADMISSION_REMOVE, list, infoHash);
const becomes = (mode: number) => (writer: BatchWriter) => writer.admissionMode(mode);

describe('TrackerState', () => {
  it('is the same whether it applied the log, loaded the tables or started over from a snapshot', () => {
    const folder = temporaryFolder();
    let run = 0;
    // One state for all runs: what an earlier one left behind must not show.
    const reused = newState();
    fc.assert(
      fc.property(history, history, (ours, others) => {
        const [tables, snapshot] = [join(folder, `${run}.db`), join(folder, `${run++}.snapshot`)];
        const batches = toBatches(ours);
        const db = TrackerDatabase.open(tables);
        db.applyBatches(batches);
        db.snapshot(snapshot);
        db.close();
        const followed = newState();
        for (const { index, batch } of batches) followed.apply(index, batch);
        const loaded = newState();
        assert.equal(loadState(tables, loaded), BigInt(batches.length));
        for (const { index, batch } of toBatches(others)) reused.apply(index, batch);
        reused.reset();
        assert.equal(loadState(snapshot, reused), BigInt(batches.length));

        // What follows in the log finds the same state.
        for (const state of [followed, loaded, reused]) {
          for (const { index, batch } of toBatches(others)) state.apply(index, batch);
        }
        for (const state of [loaded, reused]) {
          assert.equal(state.stateHash, followed.stateHash);
          assert.equal(state.table.swarms.size, followed.table.swarms.size);
          assert.deepEqual([state.table.peers, state.table.seeders], [followed.table.peers, followed.table.seeders]);
          assert.equal(state.clock.now(), followed.clock.now());
          assert.equal(state.connectionIds === undefined, followed.connectionIds === undefined);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('is as new after starting over', () => {
    fc.assert(
      fc.property(history, (list) => {
        const state = newState();
        for (const { index, batch } of toBatches(list)) state.apply(index, batch);
        state.reset();
        assert.equal(state.stateHash, newState().stateHash);
        assert.deepEqual([state.table.swarms.size, state.table.peers, state.table.seeders], [0, 0, 0]);
        assert.deepEqual([state.admission.allow.size, state.admission.deny.size, state.admission.mode], [0, 0, 0]);
        assert.equal(state.clock.now(), 0);
        assert.equal(state.connectionIds, undefined);
      }),
      { numRuns: 40 },
    );
  });

  it('takes the time of its cluster from the log, however long it waited with empty tables', () => {
    const path = join(temporaryFolder(), 'tracker.db');
    TrackerDatabase.open(path).close();
    let monotonic = 0;
    const state = new TrackerState(new ClusterClock(() => monotonic));
    assert.equal(loadState(path, state), 0n);
    monotonic = 3_600_000;
    applied(state, adds(ADMISSION_DENY));
    assert.equal(state.clock.now(), 1_000);
  });

  it('has another hash where the mode or a list differs', () => {
    const hashes = [
      newState(),
      applied(newState(), becomes(ADMISSION_ALLOW)),
      applied(newState(), becomes(ADMISSION_DENY)),
      applied(newState(), adds(ADMISSION_ALLOW)),
      applied(newState(), adds(ADMISSION_DENY)),
      applied(newState(), adds(ADMISSION_ALLOW), adds(ADMISSION_DENY)),
      applied(newState(), adds(ADMISSION_ALLOW, fromHex(HASHES[1]))),
      applied(newState(), (writer) => writer.content(infoHash, 0, 1, new Uint8Array())),
    ].map((state) => state.stateHash);
    assert.equal(new Set(hashes).size, hashes.length);
  });

  it('has the same hash whatever the way to its lists', () => {
    const state = applied(newState(), adds(ADMISSION_DENY), becomes(ADMISSION_DENY));
    const other = applied(
      newState(),
      becomes(ADMISSION_ALLOW),
      adds(ADMISSION_ALLOW),
      adds(ADMISSION_DENY),
      adds(ADMISSION_DENY),
      becomes(ADMISSION_DENY),
      becomes(ADMISSION_DENY),
      removes(ADMISSION_ALLOW),
      removes(ADMISSION_ALLOW),
    );
    assert.equal(other.stateHash, state.stateHash);
    applied(other, removes(ADMISSION_DENY), becomes(0));
    assert.equal(other.stateHash, newState().stateHash);
  });
});
