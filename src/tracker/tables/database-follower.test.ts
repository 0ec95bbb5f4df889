import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { temporaryFolder } from '../../cluster/storage/storage-faults.ts';
import { type IndexedBatch, TrackerDatabase } from '../database.ts';
import { DatabaseFollower } from './database-follower.ts';
import { TablesProgress } from './database-messages.ts';
import { TABLES_FILE } from './schema.ts';
import { announces, dump } from './test-tables.ts';

/** A follower, and what it told its log. */
function following(t: TestContext, commitIndex = 0n) {
  const path = join(temporaryFolder(), TABLES_FILE);
  const db = TrackerDatabase.open(path);
  const progress = new TablesProgress();
  const told = { acknowledged: 0n, trimmable: 0n, failures: [] as unknown[] };
  const log = {
    commitIndex: () => commitIndex,
    acknowledge: (index: bigint) => {
      told.acknowledged = index;
    },
    trimmable: (index: bigint) => {
      told.trimmable = index;
    },
  };
  const follower = new DatabaseFollower(db, progress, log, (error) => told.failures.push(error));
  t.after(() => {
    follower.abandon();
    db.close();
  });
  const deliver = (...batches: IndexedBatch[]) => {
    for (const { index, batch } of batches) follower.apply(index, batch);
    follower.delivered(batches.at(-1)!.index);
  };
  const flush = (index: bigint) => new Promise<bigint>((resolve) => follower.flush(index, resolve));
  return { path, db, progress, told, follower, deliver, flush };
}

function snapshotAt(index: number, peers: number): string {
  const folder = temporaryFolder();
  const db = TrackerDatabase.open(join(folder, TABLES_FILE));
  db.applyBatches([announces(index, peers, 5, 10_000)]);
  db.snapshot(join(folder, 'snapshot'));
  db.close();
  return join(folder, 'snapshot');
}

describe('DatabaseFollower', () => {
  it('takes a snapshot over in place of what waits, and goes on behind it', async (t) => {
    const { path, progress, told, follower, deliver, flush } = following(t);
    deliver(announces(1, 10));
    assert.equal(await flush(1n), 1n);
    // These wait for their transaction when the snapshot comes.
    deliver(announces(2, 10, 1, 100), announces(3, 10, 1, 200));
    const waiting = [flush(3n), flush(8n)];
    const snapshot = snapshotAt(8, 500);
    follower.restore(8n, snapshot);
    follower.delivered(8n);
    assert.deepEqual(await Promise.all(waiting), [8n, 8n]);
    assert.equal(progress.appliedIndex, 8n);
    assert.equal(told.acknowledged, 8n);
    assert.deepEqual(dump(path), dump(snapshot));

    deliver(announces(9, 7, 1, 300));
    assert.equal(await flush(9n), 9n);
    assert.equal(dump(path).peers.length, 507);
    follower.close();
    assert.equal(told.trimmable, 9n);
    assert.equal(progress.durableIndex, 9n);
    assert.deepEqual(told.failures, []);
  });

  it('makes a snapshot of what it has applied, says that this is durable, and goes on', async (t) => {
    const { path, progress, told, follower, deliver, flush } = following(t);
    deliver(announces(1, 10));
    await flush(1n);
    deliver(announces(2, 10, 1, 100));
    const snapshot = join(temporaryFolder(), 'snapshot');
    assert.equal(await follower.snapshot(snapshot), 1n);
    assert.equal(told.trimmable, 1n);
    assert.equal(progress.durableIndex, 1n);
    assert.equal(await flush(2n), 2n);
    assert.equal(dump(snapshot).peers.length, 10);
    assert.equal(dump(path).peers.length, 20);
  });

  it('goes on after a snapshot that could not be made', async (t) => {
    const { told, follower, deliver, flush } = following(t);
    deliver(announces(1, 10));
    await flush(1n);
    const nowhere = join(temporaryFolder(), 'no', 'such', 'folder', 'snapshot');
    await assert.rejects(follower.snapshot(nowhere), { name: 'StorageError', code: 'UNWRITABLE' });
    deliver(announces(2, 10, 1, 100));
    assert.equal(await flush(2n), 2n);
    assert.deepEqual(told.failures, []);
  });

  it('refuses a snapshot that is none, and the tables are as they were', async (t) => {
    const { path, progress, follower, deliver, flush } = following(t);
    deliver(announces(1, 10));
    await flush(1n);
    const before = dump(path);
    assert.throws(() => follower.restore(8n, snapshotAt(7, 10)), { name: 'StorageError', code: 'CORRUPT_FILE' });
    assert.equal(progress.appliedIndex, 1n);
    assert.deepEqual(dump(path), before);
  });

  it('makes no snapshots once it has stopped', async (t) => {
    const { follower } = following(t);
    follower.close();
    await assert.rejects(follower.snapshot(join(temporaryFolder(), 'snapshot')), /do not follow the log any more/);
  });
});
