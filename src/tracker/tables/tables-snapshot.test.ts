import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { damagePage, smallDisk, temporaryFolder } from '../../cluster/storage/storage-faults.ts';
import { TrackerDatabase } from '../database.ts';
import { ContentsReader } from './contents-reader.ts';
import { TABLES_FILE } from './schema.ts';
import { announces, dump, history, reload, toBatches } from './test-tables.ts';

/** Tables of that many peers as of entry `index`, different for each index. */
function tablesOf(t: TestContext, index: number, peers: number): { path: string; db: TrackerDatabase } {
  const path = join(temporaryFolder(), TABLES_FILE);
  const db = TrackerDatabase.open(path);
  t.after(() => db.close());
  db.applyBatches([announces(index, peers, 50, index * 1_000_000)]);
  return { path, db };
}

function snapshotOf(t: TestContext, index: number, peers: number): string {
  const { db } = tablesOf(t, index, peers);
  const path = join(temporaryFolder(), 'snapshot');
  assert.equal(db.snapshot(path), BigInt(index));
  return path;
}

describe('a snapshot of the tables', () => {
  it('makes any tables those of which it was made', () => {
    const folder = temporaryFolder();
    let run = 0;
    fc.assert(
      fc.property(history, history, (ours, others) => {
        const names = ['ours', 'others', 'snapshot'].map((name) => join(folder, `${run}-${name}`));
        run++;
        const [from, to, snapshot] = names;
        const one = TrackerDatabase.open(from);
        const batches = toBatches(ours);
        one.applyBatches(batches);
        assert.equal(one.snapshot(snapshot), BigInt(batches.length));
        const tables = dump(from);
        one.close();
        assert.deepEqual(dump(snapshot), tables);

        const two = TrackerDatabase.open(to);
        two.applyBatches(toBatches(others));
        two.restore(BigInt(batches.length), snapshot);
        assert.equal(two.appliedIndex, BigInt(batches.length));
        assert.deepEqual(dump(to), tables);
        assert.deepEqual(reload(snapshot), reload(to));
        two.check();

        // What follows in the log is applied on top.
        const next = { index: BigInt(batches.length + 1), batch: announces(1, 3).batch };
        two.applyBatches([next]);
        two.close();
        const three = TrackerDatabase.open(from);
        three.applyBatches([next]);
        three.close();
        assert.deepEqual(dump(to), dump(from));
      }),
      { numRuns: 40 },
    );
  });

  it('is of one moment, and durable, while its master goes on', (t) => {
    const { path, db } = tablesOf(t, 1, 1_000);
    const before = dump(path);
    const snapshot = join(temporaryFolder(), 'snapshot');
    assert.equal(db.snapshot(snapshot), 1n);
    assert.equal(db.durableIndex, 1n);
    db.applyBatches([announces(2, 1_000, 50, 5_000_000)]);
    assert.deepEqual(dump(snapshot), before);
    assert.equal(db.appliedIndex, 2n);
  });

  it('is one file, which stays so when it is read', (t) => {
    const snapshot = snapshotOf(t, 1, 100);
    reload(snapshot);
    assert.deepEqual(readdirSync(join(snapshot, '..')), ['snapshot']);
  });

  it('waits for a reader, but not for ever', (t) => {
    const { path, db } = tablesOf(t, 1, 100);
    const reader = new DatabaseSync(path, { readOnly: true });
    t.after(() => reader.close());
    reader.exec('BEGIN');
    reader.prepare('SELECT * FROM META').get();
    db.applyBatches([announces(2, 100)]);
    const snapshot = join(temporaryFolder(), 'snapshot');
    assert.throws(() => db.snapshot(snapshot), {
      name: 'StorageError',
      code: 'IN_USE',
      message: /a reader has held up/,
    });
    assert.equal(existsSync(snapshot), false);
    reader.exec('COMMIT');
    assert.equal(db.snapshot(snapshot), 2n);
  });

  it('leaves no part of it on a full disk, and the tables can go on', (t) => {
    const disk = smallDisk(t, '1m');
    if (!disk) return;
    const { db } = tablesOf(t, 1, 20_000);
    const snapshot = join(disk.folder, 'snapshot');
    assert.throws(() => db.snapshot(snapshot), { name: 'StorageError', code: 'DISK_FULL', message: /free space/ });
    assert.deepEqual(readdirSync(disk.folder), []);
    db.applyBatches([announces(2, 100)]);
    disk.grow('64m');
    assert.equal(db.snapshot(snapshot), 2n);
  });

  it('shows itself to readers at once, and not before', (t) => {
    const snapshot = snapshotOf(t, 9, 2_000);
    const { path, db } = tablesOf(t, 1, 10);
    const reader = ContentsReader.open(path, Number);
    t.after(() => reader.close());
    const inside = new DatabaseSync(path, { readOnly: true });
    t.after(() => inside.close());
    inside.exec('BEGIN');
    const peers = () => (inside.prepare('SELECT count(*) AS peers FROM PEER_INFO').get() as { peers: number }).peers;
    assert.equal(peers(), 10);
    assert.equal(reader.contents({ limit: 1 }).appliedIndex, 1n);
    db.restore(9n, snapshot);
    assert.equal(peers(), 10, 'a reader keeps the moment that it began with');
    inside.exec('COMMIT');
    assert.equal(peers(), 2_000);
    const page = reader.contents({ limit: 100 });
    assert.equal(page.appliedIndex, 9n);
    assert.equal(
      page.contents.reduce((sum, { leechers }) => sum + leechers, 0),
      2_000,
    );
  });
});

describe('a snapshot that cannot be taken over', () => {
  it('is named with what is wrong, and the tables stay as they are', (t) => {
    const { path, db } = tablesOf(t, 1, 100);
    const before = dump(path);
    const folder = temporaryFolder();
    const refuses = (index: bigint, snapshot: string, expected: { code: string; message: RegExp }) => {
      assert.throws(() => db.restore(index, snapshot), { name: 'StorageError', path: snapshot, ...expected });
      assert.equal(db.appliedIndex, 1n);
      assert.deepEqual(dump(path), before);
    };
    const good = snapshotOf(t, 5, 20_000);
    refuses(6n, good, { code: 'CORRUPT_FILE', message: /snapshot.* shows log entry 5 and should show 6/ });

    const text = join(folder, 'text');
    writeFileSync(text, 'dear diary'.repeat(1_000));
    refuses(5n, text, { code: 'CORRUPT_FILE', message: /the snapshot of the tables at .*text/ });

    const foreign = join(folder, 'foreign');
    const other = new DatabaseSync(foreign);
    other.exec('CREATE TABLE t (x)');
    other.close();
    refuses(5n, foreign, { code: 'FOREIGN_FILE', message: /another program/ });

    const newer = join(folder, 'newer');
    copyFileSync(good, newer);
    const future = new DatabaseSync(newer);
    future.exec('PRAGMA user_version = 99');
    future.close();
    refuses(5n, newer, { code: 'NEWER_VERSION', message: /format 99/ });

    const damaged = join(folder, 'damaged');
    copyFileSync(good, damaged);
    const pages = statSync(damaged).size / 4096;
    for (let page = 10; page < pages; page += 7) damagePage(damaged, page);
    refuses(5n, damaged, { code: 'CORRUPT_FILE', message: /damaged/ });

    const short = join(folder, 'short');
    copyFileSync(good, short);
    truncateSync(short, statSync(short).size / 2);
    refuses(5n, short, { code: 'CORRUPT_FILE', message: /damaged/ });

    refuses(5n, join(folder, 'missing'), { code: 'UNWRITABLE', message: /missing/ });
    assert.equal(existsSync(join(folder, 'missing')), false);

    // After all that the tables still take what is whole.
    db.restore(5n, good);
    assert.deepEqual(dump(path), dump(good));
  });

  it('leaves the tables as they are when they have no room for it', (t) => {
    const disk = smallDisk(t, '2m');
    if (!disk) return;
    const snapshot = snapshotOf(t, 5, 20_000);
    const path = join(disk.folder, TABLES_FILE);
    const db = TrackerDatabase.open(path);
    t.after(() => db.close());
    db.applyBatches([announces(1, 100)]);
    const before = dump(path);
    assert.throws(() => db.restore(5n, snapshot), { code: 'DISK_FULL', path, message: /free space/ });
    assert.deepEqual(dump(path), before);
    disk.grow('64m');
    db.restore(5n, snapshot);
    assert.deepEqual(dump(path), dump(snapshot));
  });
});

describe('tables whose instance dies while it takes a snapshot over', () => {
  it('are the former or the new ones after a power cut, wherever it fell', (t) => {
    const snapshot = snapshotOf(t, 5, 3_000);
    const { path, db } = tablesOf(t, 1, 100);
    const former = dump(path);
    assert.equal(db.checkpoint(), true);
    db.restore(5n, snapshot);
    const [file, wal] = [readFileSync(path), readFileSync(`${path}-wal`)];
    const copy = join(temporaryFolder(), TABLES_FILE);
    for (const kept of [0, 0.001, 0.3, 0.7, 0.999, 1]) {
      // The WAL is what was not synced.
      writeFileSync(copy, file);
      writeFileSync(`${copy}-wal`, wal.subarray(0, Math.floor(wal.length * kept)));
      const after = TrackerDatabase.open(copy);
      after.check();
      after.close();
      assert.deepEqual(dump(copy), kept === 1 ? dump(snapshot) : former, `${kept} of the WAL`);
    }
  });

  it('are whole after kill -9, and take it over then', async (t) => {
    const [one, two] = [snapshotOf(t, 5, 10_000), snapshotOf(t, 7, 10_000)];
    const states = new Map([
      [5n, dump(one)],
      [7n, dump(two)],
    ]);
    const { path, db } = tablesOf(t, 1, 10_000);
    states.set(1n, dump(path));
    db.close();
    const program = `
      import { writeSync } from 'node:fs';
      const { TrackerDatabase } = await import(${JSON.stringify(new URL('../database.ts', import.meta.url).href)});
      const db = TrackerDatabase.open(${JSON.stringify(path)});
      for (let round = 0; round < 500; round++) {
        db.restore(5n, ${JSON.stringify(one)});
        if (round === 0) writeSync(1, 'begun');
        db.restore(7n, ${JSON.stringify(two)});
        db.checkpoint();
      }`;
    for (let kill = 0; kill < 6; kill++) {
      const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const ended = once(child, 'exit');
      await Promise.race([once(child.stdout, 'data'), ended]);
      await pause(kill * 7);
      child.kill('SIGKILL');
      const [, signal] = await ended;
      assert.equal(signal, 'SIGKILL');
      const after = TrackerDatabase.open(path);
      after.check();
      assert.deepEqual(dump(path), states.get(after.appliedIndex));
      after.restore(5n, one);
      assert.deepEqual(dump(path), states.get(5n));
      after.close();
    }
  });
});
