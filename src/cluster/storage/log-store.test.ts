import assert from 'node:assert/strict';
import { closeSync, mkdirSync, openSync, statSync, symlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { LogFailedError } from '../replicated-log.ts';
import type { LogEntry } from './log-entry.ts';
import { LOG_CHECKPOINT_BYTES, LOG_FILE, LogStore } from './log-store.ts';
import { readAll } from './read-all.ts';
import { damagePage, smallDisk, temporaryFolder } from './storage-faults.ts';

const CLUSTER = 'test';
const entry = (index: number, batch: Uint8Array | string = `batch ${index}`, term = 1): LogEntry => ({
  index,
  term,
  kind: 0,
  batch: typeof batch === 'string' ? new TextEncoder().encode(batch) : batch,
});
const entries = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => entry(from + i));
const texts = (store: LogStore) =>
  readAll(store).map((e) => `${e.index}/${e.term} ${new TextDecoder().decode(e.batch)}`);

describe('LogStore', () => {
  it('keeps entries, term, vote and identity over a restart and counts the boots', () => {
    const folder = temporaryFolder();
    const store = LogStore.open(join(folder, 'new', 'folder'), CLUSTER);
    store.write({ hardState: { term: 7, vote: 'someone' } });
    store.write({ entries: entries(1, 3) });
    store.close();
    const again = LogStore.open(join(folder, 'new', 'folder'), CLUSTER);
    assert.deepEqual(again.hardState, { term: 7, vote: 'someone' });
    assert.deepEqual(again.identity, { ...store.identity, bootCount: 2 });
    assert.equal(again.firstIndex, 1);
    assert.equal(again.lastIndex, 3);
    assert.deepEqual(texts(again), ['1/1 batch 1', '2/1 batch 2', '3/1 batch 3']);
    again.close();
    again.close();
  });

  it('draws a new identity for each empty disk', () => {
    const a = LogStore.open(temporaryFolder(), CLUSTER);
    const b = LogStore.open(temporaryFolder(), CLUSTER);
    assert.notEqual(a.identity.member, b.identity.member);
    a.close();
    b.close();
  });

  it('takes entries back from a conflict on and appends others in their place', () => {
    const folder = temporaryFolder();
    const store = LogStore.open(folder, CLUSTER);
    store.write({ entries: entries(1, 5) });
    store.write({ truncateFrom: 3 });
    assert.equal(store.lastIndex, 2);
    store.write({ entries: [entry(3, 'other', 2)] });
    store.close();
    const again = LogStore.open(folder, CLUSTER);
    assert.deepEqual(texts(again), ['1/1 batch 1', '2/1 batch 2', '3/2 other']);
    again.close();
  });

  it('trims the oldest entries, also all of them, and goes on with the next index after a restart', () => {
    const folder = temporaryFolder();
    const store = LogStore.open(folder, CLUSTER);
    store.write({ entries: entries(1, 5) });
    store.trimTo(3, '');
    assert.equal(store.firstIndex, 4);
    assert.deepEqual(texts(store), ['4/1 batch 4', '5/1 batch 5']);
    store.trimTo(5, '');
    store.close();
    const again = LogStore.open(folder, CLUSTER);
    assert.equal(again.firstIndex, 6);
    assert.equal(again.lastIndex, 5);
    again.write({ entries: [entry(6)] });
    assert.deepEqual(texts(again), ['6/1 batch 6']);
    again.close();
  });

  it('brings term, truncation, entries and a new base to the disk together', () => {
    const folder = temporaryFolder();
    const store = LogStore.open(folder, CLUSTER);
    store.write({ entries: entries(1, 5) });
    store.write({ hardState: { term: 2, vote: 'a' }, truncateFrom: 4, entries: [entry(4, 'other', 2)] });
    assert.deepEqual(texts(store), ['1/1 batch 1', '2/1 batch 2', '3/1 batch 3', '4/2 other']);
    const base = { index: 3, term: 1, membership: 'm' };
    store.write({ reset: { base, keepLater: true } });
    assert.deepEqual(texts(store), ['4/2 other']);
    store.write({ reset: { base: { ...base, index: 9, term: 2 }, keepLater: false }, entries: [entry(10, 'x', 2)] });
    store.close();
    const again = LogStore.open(folder, CLUSTER);
    assert.deepEqual(again.base, { index: 9, term: 2, membership: 'm' });
    assert.deepEqual(again.hardState, { term: 2, vote: 'a' });
    assert.deepEqual(texts(again), ['10/2 x']);
    again.trimTo(10, 'later');
    assert.deepEqual(again.base, { index: 10, term: 2, membership: 'later' });
    again.close();
  });

  it('keeps the founding of its cluster, and draws a new identity when it is told to', () => {
    const folder = temporaryFolder();
    const store = LogStore.open(folder, CLUSTER);
    const { member } = store.identity;
    store.saveGenesis('asked');
    store.renewIdentity();
    assert.notEqual(store.identity.member, member);
    assert.equal(store.genesis, '');
    store.saveGenesis('formed', { uuid: 'cluster', membership: 'three' });
    const { identity } = store;
    store.close();
    const again = LogStore.open(folder, CLUSTER);
    assert.equal(again.genesis, 'formed');
    assert.deepEqual(again.identity, { ...identity, clusterUuid: 'cluster', bootCount: 1 });
    assert.deepEqual(again.base, { index: 0, term: 0, membership: 'three' });
    again.close();
  });

  it('syncs every append again after trimming, which does without', (t) => {
    const folder = temporaryFolder();
    const store = LogStore.open(folder, CLUSTER);
    const exec = t.mock.method(DatabaseSync.prototype, 'exec');
    store.write({ entries: entries(1, 5) });
    store.trimTo(3, '');
    const settings = exec.mock.calls.map((call) => call.arguments[0]).filter((sql) => sql.includes('synchronous'));
    assert.deepEqual(settings, ['PRAGMA synchronous = NORMAL', 'PRAGMA synchronous = FULL']);
    store.close();
  });

  it('stays bounded on the disk however much goes through it', () => {
    const folder = temporaryFolder();
    const store = LogStore.open(folder, CLUSTER);
    const batch = new Uint8Array(64 << 10);
    for (let index = 1; index <= 1_000; index++) {
      store.write({ entries: [entry(index, batch)] });
      if (index > 32) store.trimTo(index - 32, '');
      if (store.wantsCheckpoint) store.checkpoint();
    }
    const file = statSync(join(folder, LOG_FILE)).size;
    const wal = statSync(join(folder, `${LOG_FILE}-wal`)).size;
    assert.ok(file < 32 * batch.length + 2 * LOG_CHECKPOINT_BYTES, `log.db has ${file} bytes`);
    assert.ok(wal < 2 * LOG_CHECKPOINT_BYTES, `the WAL has ${wal} bytes`);
    store.close();
  });

  it('refuses entries that leave a gap, and then everything', () => {
    const store = LogStore.open(temporaryFolder(), CLUSTER);
    assert.throws(() => store.write({ entries: [entry(2)] }), LogFailedError);
    assert.throws(() => store.write({ entries: [entry(1)] }), LogFailedError);
    store.close();
  });

  it('does not take an entry whose bytes changed on the disk for good', () => {
    const folder = temporaryFolder();
    LogStore.open(folder, CLUSTER).close();
    const store = LogStore.open(folder, CLUSTER);
    store.write({ entries: entries(1, 3) });
    store.close();
    const db = new DatabaseSync(join(folder, LOG_FILE));
    db.exec(`UPDATE ENTRY SET batch = X'00' WHERE idx = 2`);
    db.close();
    const again = LogStore.open(folder, CLUSTER);
    assert.throws(() => readAll(again), { name: 'LogFailedError', message: /entry 2 is damaged/ });
    assert.throws(() => again.write({ entries: [entry(4)] }), LogFailedError);
    again.close();
  });

  it('refuses a log that lacks an entry in the middle', () => {
    const folder = temporaryFolder();
    const store = LogStore.open(folder, CLUSTER);
    store.write({ entries: entries(1, 3) });
    store.close();
    const db = new DatabaseSync(join(folder, LOG_FILE));
    db.exec('DELETE FROM ENTRY WHERE idx = 2');
    db.close();
    assert.throws(() => LogStore.open(folder, CLUSTER), { code: 'CORRUPT_FILE', message: /lacks entries/ });
  });

  it('refuses the log of another cluster', () => {
    const folder = temporaryFolder();
    LogStore.open(folder, CLUSTER).close();
    assert.throws(() => LogStore.open(folder, 'other'), {
      code: 'FOREIGN_FILE',
      message: /belongs to the cluster "test"/,
    });
    LogStore.open(folder, CLUSTER).close();
  });

  it('refuses a folder that another instance uses', () => {
    const folder = temporaryFolder();
    const store = LogStore.open(folder, CLUSTER);
    assert.throws(() => LogStore.open(folder, CLUSTER), {
      code: 'IN_USE',
      message: /another instance uses this data folder/,
    });
    store.close();
    LogStore.open(folder, CLUSTER).close();
  });

  it('names a text file, a foreign database, a newer format and a damaged header', () => {
    const folder = temporaryFolder();
    const path = join(folder, LOG_FILE);
    writeFileSync(path, 'dear diary');
    assert.throws(() => LogStore.open(folder, CLUSTER), { code: 'FOREIGN_FILE', message: /no SQLite database/ });

    const foreign = temporaryFolder();
    const other = new DatabaseSync(join(foreign, LOG_FILE));
    other.exec('CREATE TABLE t (x)');
    other.close();
    assert.throws(() => LogStore.open(foreign, CLUSTER), { code: 'FOREIGN_FILE', message: /another program/ });

    const newer = temporaryFolder();
    LogStore.open(newer, CLUSTER).close();
    const db = new DatabaseSync(join(newer, LOG_FILE));
    db.exec('PRAGMA user_version = 99');
    db.close();
    assert.throws(() => LogStore.open(newer, CLUSTER), { code: 'NEWER_VERSION', message: /format 99 .*upgrade/ });

    const damaged = temporaryFolder();
    LogStore.open(damaged, CLUSTER).close();
    const fd = openSync(join(damaged, LOG_FILE), 'r+');
    writeSync(fd, Buffer.alloc(64, 0xee), 0, 64, 0);
    closeSync(fd);
    assert.throws(() => LogStore.open(damaged, CLUSTER), { code: 'FOREIGN_FILE', message: /first bytes are damaged/ });
  });

  it('reports damage in the middle of the file and hands out nothing of it', () => {
    const folder = temporaryFolder();
    const store = LogStore.open(folder, CLUSTER);
    for (let i = 0; i < 100; i++) store.write({ entries: entries(10 * i + 1, 10 * i + 10) });
    store.close();
    for (const page of [2, 3, 4, 5, 6, 7, 8]) damagePage(join(folder, LOG_FILE), page);
    assert.throws(
      () => readAll(LogStore.open(folder, CLUSTER)),
      (error: Error & { code: string }) => {
        assert.match(error.message, /damaged|lacks entries/);
        return error.code === 'CORRUPT_FILE' || error instanceof LogFailedError;
      },
    );
  });

  it('says that a folder cannot be written', (t) => {
    const disk = smallDisk(t, '4m');
    if (!disk) return;
    LogStore.open(disk.folder, CLUSTER).close();
    disk.readOnly();
    assert.throws(() => LogStore.open(disk.folder, CLUSTER), { code: 'UNWRITABLE', message: /make the folder/ });
    assert.throws(() => LogStore.open(join(disk.folder, 'fresh'), CLUSTER), { code: 'UNWRITABLE' });
  });

  it('says so too where no folder can be made at all', { skip: process.platform !== 'linux' }, () => {
    const folder = '/proc/sys/swarmkeeper/data';
    assert.throws(() => LogStore.open(folder, CLUSTER), { code: 'UNWRITABLE', message: /choose another data folder/ });
    const dangling = join(temporaryFolder(), 'link');
    symlinkSync('/nowhere/at/all', dangling);
    assert.throws(() => LogStore.open(dangling, CLUSTER), { code: 'UNWRITABLE' });
  });

  it('says that a file stands where the folder should be', () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'file'), '');
    assert.throws(() => LogStore.open(join(folder, 'file'), CLUSTER), { code: 'UNWRITABLE' });
    mkdirSync(join(folder, 'dir', LOG_FILE), { recursive: true });
    assert.throws(() => LogStore.open(join(folder, 'dir'), CLUSTER), { name: 'StorageError' });
  });

  it('fails on a full disk, refuses everything after, and keeps all that it had taken', (t) => {
    const disk = smallDisk(t, '4m');
    if (!disk) return;
    const store = LogStore.open(disk.folder, CLUSTER);
    let kept = 0;
    assert.throws(
      () => {
        for (;;) {
          store.write({ entries: [entry(kept + 1, new Uint8Array(40_000).fill(kept))] });
          kept++;
          if (store.wantsCheckpoint) store.checkpoint();
        }
      },
      { name: 'LogFailedError', message: /free space on the disk/ },
    );
    assert.ok(kept > 10);
    assert.throws(() => store.write({ entries: [entry(kept + 1, 'small')] }), LogFailedError);
    assert.throws(() => readAll(store), LogFailedError);
    assert.throws(() => store.write({ hardState: { term: 9, vote: undefined } }), LogFailedError);
    store.close();
    disk.grow('64m');
    const again = LogStore.open(disk.folder, CLUSTER);
    assert.equal(again.lastIndex, kept);
    assert.equal(again.hardState.term, 0);
    readAll(again).forEach((e, i) => {
      assert.deepEqual(e.batch, new Uint8Array(40_000).fill(i));
    });
    again.close();
  });
});
