import assert from 'node:assert/strict';
import { copyFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { damagePage, smallDisk, temporaryFolder } from '../cluster/storage/storage-faults.ts';
import { TrackerDatabase } from './database.ts';
import { BatchWriter, FLAG_COMPLETED, FLAG_IPV6, OP_ADMISSION_ADD, OP_ANNOUNCE } from './operations.ts';
import { MAX_OPERATIONS_PER_ROUND } from './tables/database-writer.ts';
import { TABLES_FILE } from './tables/schema.ts';
import { loadTables } from './tables/table-loader.ts';
import { TablesModel } from './tables/tables-model.ts';
import { announces, dump, fromHex, HASHES, history, PEERS, reload, toBatches } from './tables/test-tables.ts';

function open(t: TestContext): { path: string; db: TrackerDatabase } {
  const path = join(temporaryFolder(), TABLES_FILE);
  const db = TrackerDatabase.open(path);
  t.after(() => db.close());
  return { path, db };
}

describe('TrackerDatabase', () => {
  it('equals a simple model for any operations, however their batches are grouped', () => {
    const folder = temporaryFolder();
    let run = 0;
    fc.assert(
      fc.property(history, fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), (list, cuts) => {
        const batches = toBatches(list);
        const model = new TablesModel();
        for (const { batch } of batches) model.apply(batch);

        const together = join(folder, `${run}-together.db`);
        const apart = join(folder, `${run++}-apart.db`);
        const one = TrackerDatabase.open(together);
        one.applyBatches(batches);
        one.close();
        let two = TrackerDatabase.open(apart);
        let from = 0;
        batches.forEach((_, i) => {
          if (i < batches.length - 1 && !cuts[i]) return;
          // What was applied before is skipped.
          two.applyBatches(batches.slice(Math.max(0, from - 1), i + 1));
          from = i + 1;
          if (cuts[7]) {
            two.close();
            two = TrackerDatabase.open(apart);
          }
        });
        two.close();

        const tables = dump(together);
        assert.deepEqual(dump(apart), tables);
        assert.deepEqual(
          tables.contents.map(([sha1, host, port, l, seen]) => `${sha1} ${host} ${port} ${l} ${seen}`).sort(),
          model.contents(),
        );
        assert.deepEqual(
          tables.swarms.map(([sha1, name, size, completed]) => `${sha1} ${name} ${size} ${completed}`),
          model.swarms(),
        );
        assert.deepEqual(
          tables.peers.map(([, host, port, contents]) => `${host} ${port} ${contents}`).sort(),
          model.peers(),
        );
        assert.deepEqual(
          tables.admission.map(([listed, sha1]) => `${listed} ${sha1}`),
          model.admission(),
        );
        const [, time, mode, secret] = tables.meta[0];
        assert.deepEqual([time, Number(mode), secret], [model.time, model.mode, model.secret]);
        assert.deepEqual(reload(together), model.loaded());
      }),
      { numRuns: 100 },
    );
  });

  it('keeps hashes of digits only as text', (t) => {
    const { path, db } = open(t);
    const peer = fromHex(PEERS[0]);
    const writer = new BatchWriter(4096);
    for (const sha1 of HASHES) writer.peer(OP_ANNOUNCE, 0, fromHex(sha1), 0, peer, 0, 1);
    for (const sha1 of HASHES) writer.admission(OP_ADMISSION_ADD, 1, fromHex(sha1));
    db.applyBatches([{ index: 1n, batch: writer.take(0) }]);
    const reader = new DatabaseSync(path, { readOnly: true });
    for (const table of ['CONTENTS', 'SWARM', 'ADMISSION']) {
      const rows = reader.prepare(`SELECT sha1, typeof(sha1) AS type FROM ${table} ORDER BY sha1`).all();
      assert.deepEqual(
        rows.map((row) => ({ ...row })),
        HASHES.map((sha1) => ({ sha1, type: 'text' })),
      );
    }
    reader.close();
  });

  it('forgets a large swarm at its place in the log, however much is applied together', (t) => {
    const { path, db } = open(t);
    const writer = new BatchWriter(1 << 16);
    const infoHash = fromHex(HASHES[0]);
    const peer = (i: number) => new Uint8Array([10, 0, 0, i, 0x1a, 0xe1]);
    for (let i = 0; i < 200; i++) writer.peer(OP_ANNOUNCE, FLAG_COMPLETED, infoHash, 0, peer(i), 0, 0);
    writer.content(infoHash, 0, 5, new TextEncoder().encode('old'));
    writer.forget(infoHash, 0);
    for (let i = 0; i < 200; i++) writer.stop(0, infoHash, 0, peer(i), 0);
    writer.forget(infoHash, 0);
    writer.peer(OP_ANNOUNCE, FLAG_COMPLETED, infoHash, 0, peer(3), 0, 0);
    writer.content(infoHash, 0, 6, new TextEncoder().encode('new'));
    db.applyBatches([{ index: 1n, batch: writer.take(2_000) }]);
    const name = Buffer.from('new').toString('hex').toUpperCase();
    assert.deepEqual(dump(path).swarms, [[HASHES[0], name, '6', 1n]]);
    assert.equal(dump(path).contents.length, 1);
  });

  it('applies more operations than it sorts at once', (t) => {
    const { path, db } = open(t);
    const count = MAX_OPERATIONS_PER_ROUND + 1_000;
    db.applyBatches([announces(1, count, 50), announces(2, 10, 50)]);
    const reader = new DatabaseSync(path, { readOnly: true });
    const { contents, peers, references } = reader
      .prepare(
        `SELECT (SELECT count(*) FROM CONTENTS) AS contents, (SELECT count(*) FROM PEER_INFO) AS peers,
         (SELECT sum(contents) FROM PEER_INFO) AS "references"`,
      )
      .get() as Record<string, number>;
    reader.close();
    assert.deepEqual([contents, peers, references], [count, count, count]);
  });

  it('moves its position over entries without a batch', (t) => {
    const { db } = open(t);
    db.applyBatches([announces(1, 1)], 5n);
    assert.equal(db.appliedIndex, 5n);
    db.applyBatches([], 7n);
    assert.equal(db.appliedIndex, 7n);
    db.applyBatches([announces(6, 1)]);
    assert.equal(db.appliedIndex, 7n);
  });

  it('applies nothing of a transaction with a batch that it cannot read', (t) => {
    const { path, db } = open(t);
    db.applyBatches([announces(1, 3)]);
    const before = dump(path);
    const strange = announces(3, 1).batch;
    strange[16] = 200;
    assert.throws(() => db.applyBatches([announces(2, 5, 1, 100), { index: 3n, batch: strange }]), {
      code: 'BAD_BATCH',
    });
    assert.equal(db.appliedIndex, 1n);
    assert.deepEqual(dump(path), before);
    db.applyBatches([announces(2, 2, 1, 100)]);
    assert.equal(db.appliedIndex, 2n);
  });

  it('has after a power cut at least what its last checkpoint held', (t) => {
    const { path, db } = open(t);
    assert.equal(db.durableIndex, 0n);
    db.applyBatches([announces(1, 100)]);
    assert.equal(db.checkpoint(), true);
    assert.equal(db.durableIndex, 1n);
    db.applyBatches([announces(2, 100, 1, 100)]);
    assert.equal(db.durableIndex, 1n);
    // The WAL is what was not synced.
    const copy = join(temporaryFolder(), TABLES_FILE);
    copyFileSync(path, copy);
    const after = TrackerDatabase.open(copy);
    assert.equal(after.appliedIndex, 1n);
    after.check();
    after.close();
  });

  it('says that a checkpoint is incomplete while a reader needs the WAL', (t) => {
    const { path, db } = open(t);
    db.applyBatches([announces(1, 100)]);
    const reader = new DatabaseSync(path, { readOnly: true });
    reader.exec('BEGIN');
    reader.prepare('SELECT * FROM META').get();
    db.applyBatches([announces(2, 100, 1, 100)]);
    assert.equal(db.checkpoint(), false);
    assert.equal(db.durableIndex, 0n);
    reader.exec('COMMIT');
    assert.equal(db.checkpoint(), true);
    assert.equal(db.durableIndex, 2n);
    reader.close();
  });
});

describe('TrackerDatabase on a bad file or disk', () => {
  it('names a text file, a foreign database, a newer format and a damaged header', () => {
    const folder = temporaryFolder();
    const file = (name: string) => join(folder, name);
    writeFileSync(file('text'), 'dear diary');
    assert.throws(() => TrackerDatabase.open(file('text')), { code: 'FOREIGN_FILE', message: /no SQLite database/ });

    const other = new DatabaseSync(file('foreign'));
    other.exec('CREATE TABLE t (x)');
    other.close();
    assert.throws(() => TrackerDatabase.open(file('foreign')), { code: 'FOREIGN_FILE', message: /another program/ });

    TrackerDatabase.open(file('newer')).close();
    const newer = new DatabaseSync(file('newer'));
    newer.exec('PRAGMA user_version = 99');
    newer.close();
    assert.throws(() => TrackerDatabase.open(file('newer')), { code: 'NEWER_VERSION', message: /format 99 .*upgrade/ });

    TrackerDatabase.open(file('header')).close();
    damagePage(file('header'), 1);
    assert.throws(() => TrackerDatabase.open(file('header')), {
      code: 'FOREIGN_FILE',
      message: /first bytes are damaged/,
    });
  });

  it('finds damage in the middle of the file when checking and when loading', (t) => {
    const { path, db } = open(t);
    db.applyBatches([announces(1, 20_000, 100)]);
    db.close();
    const pages = statSync(path).size / 4096;
    for (let page = 10; page < pages; page += 7) damagePage(path, page);
    const damaged = TrackerDatabase.open(path);
    assert.throws(() => damaged.check(), { code: 'CORRUPT_FILE', message: /restore a copy/ });
    assert.throws(() => reload(path), { code: 'CORRUPT_FILE', message: /restore a copy/ });
    damaged.close();
  });

  it('says that the folder cannot be written', (t) => {
    const disk = smallDisk(t, '4m');
    if (!disk) return;
    TrackerDatabase.open(join(disk.folder, TABLES_FILE)).close();
    disk.readOnly();
    assert.throws(() => TrackerDatabase.open(join(disk.folder, TABLES_FILE)), {
      code: 'UNWRITABLE',
      message: /make the/,
    });
  });

  it('keeps what it had on a full disk, and goes on when there is space', (t) => {
    const disk = smallDisk(t, '4m');
    if (!disk) return;
    const path = join(disk.folder, TABLES_FILE);
    const db = TrackerDatabase.open(path);
    let index = 0;
    assert.throws(
      () => {
        for (;;) {
          db.applyBatches([announces(index + 1, 2_000, 10, index * 2_000)]);
          index++;
          db.checkpoint();
        }
      },
      { code: 'DISK_FULL', message: /free space/ },
    );
    assert.equal(db.appliedIndex, BigInt(index));
    db.close();
    disk.grow('64m');
    const again = TrackerDatabase.open(path);
    again.check();
    assert.equal(again.appliedIndex, BigInt(index));
    again.applyBatches([announces(index + 1, 2_000, 10, index * 2_000)]);
    again.close();
    assert.equal(dump(path).contents.length, (index + 1) * 2_000);
  });
});

describe('loadTables', () => {
  it('hands over a swarm larger than a page whole', (t) => {
    const { path, db } = open(t);
    const count = 70_000;
    db.applyBatches([announces(1, count, 1), announces(2, 5, 3, count)]);
    const peers = reload(path).filter((line) => line.startsWith('peer'));
    assert.equal(new Set(peers).size, count + 5);
    assert.equal(peers.length, count + 5);
  });

  it('hands over IPv6 addresses of every form as they were announced', (t) => {
    const { path, db } = open(t);
    const group = fc.constantFrom('0000', '0000', '0000', '0001', 'ffff', '0a00', 'fe80', '00c4');
    const address = fc.array(group, { minLength: 9, maxLength: 9 }).map((groups) => groups.join(''));
    const mapped = fc
      .array(group, { minLength: 3, maxLength: 3 })
      .map((rest) => `${'0'.repeat(20)}ffff${rest.join('')}`);
    const announced = fc.sample(fc.oneof(address, mapped), { numRuns: 3_000, seed: 1 });
    const writer = new BatchWriter(1 << 20);
    for (const peer of announced) writer.peer(OP_ANNOUNCE, FLAG_IPV6, fromHex(HASHES[0]), 0, fromHex(peer), 0, 1);
    db.applyBatches([{ index: 1n, batch: writer.take(0) }]);
    const loaded = reload(path).flatMap((line) => /^peer \w+ (\w+) 0 0$/.exec(line)?.[1] ?? []);
    assert.deepEqual(loaded, [...new Set(announced)].sort());
  });

  it('passes on what the sink throws', (t) => {
    const { path } = open(t);
    const full = new Error('no room');
    const sink = {
      meta: () => {
        throw full;
      },
      admission: () => undefined,
      swarm: () => undefined,
      peers: () => undefined,
    };
    assert.throws(() => loadTables(path, sink), full);
  });
});
