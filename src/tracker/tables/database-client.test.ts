import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { waitFor } from '../../../test/harness/wait-for.ts';
import { LogClient } from '../../cluster/log-client.ts';
import { MINIMUM_TAIL_ENTRIES } from '../../cluster/log-messages.ts';
import { startRaftLog } from '../../cluster/raft/raft.ts';
import { LogStore } from '../../cluster/storage/log-store.ts';
import { damagePage, smallDisk, temporaryFolder } from '../../cluster/storage/storage-faults.ts';
import { TrackerDatabase } from '../database.ts';
import { BatchWriter, FLAG_COMPLETED, OP_ADMISSION_ADD, OP_ANNOUNCE } from '../operations.ts';
import { ContentsReader } from './contents-reader.ts';
import { DatabaseClient } from './database-client.ts';
import { TABLES_FILE } from './schema.ts';

/** The log of an instance that is alone, and its tables, which may have another folder. */
async function start(t: TestContext, folder: string, tablesFolder = folder) {
  const log = await startRaftLog({
    folder,
    cluster: 'test',
    name: 'a',
    host: '127.0.0.1',
    memberPort: 0,
    memberGroup: { host: '239.255.77.71', port: randomInt(20_000, 30_000) },
    clientPort: 0,
    expect: 1,
    keepLogBytes: 0,
  });
  t.after(() => log.close());
  const tables = await DatabaseClient.start(join(tablesFolder, TABLES_FILE), log.connect());
  t.after(() => tables.close());
  const client = await LogClient.connect(log.connect());
  await waitFor('a lone master', () => client.mayAnswer());
  const close = async () => {
    await tables.close();
    await log.close();
  };
  return { log, tables, client, close };
}

function infoHash(number: number): Uint8Array {
  return new Uint8Array(20).fill(number);
}

function announces(first: number, count: number, hash = infoHash(1), seconds = 5): Uint8Array {
  const writer = new BatchWriter(count * 64 + 1024);
  const peer = new Uint8Array([10, 0, 0, 0, 0x1a, 0xe1]);
  for (let i = first; i < first + count; i++) {
    peer[1] = i >>> 16;
    peer[2] = i >>> 8;
    peer[3] = i;
    writer.peer(OP_ANNOUNCE, i % 2 ? 0 : FLAG_COMPLETED, hash, 0, peer, 0, i % 2 ? 100 : 0);
  }
  return writer.take(seconds * 1_000);
}

describe('DatabaseClient', () => {
  it('shows what was acknowledged, to whoever flushes up to it', async (t) => {
    const folder = temporaryFolder();
    const { tables, client } = await start(t, folder);
    const reader = ContentsReader.open(join(folder, TABLES_FILE), (seconds) => seconds * 1_000);
    t.after(() => reader.close());
    let index = 0n;
    for (let i = 0; i < 10; i++) {
      index = await client.propose(announces(i * 10, 10));
      const shown = await tables.flush(index);
      assert.ok(shown >= index);
      const page = reader.contents({ limit: 10 });
      assert.ok(page.appliedIndex >= index);
      assert.equal(page.contents[0].seeders + page.contents[0].leechers, (i + 1) * 10);
    }
    assert.equal(tables.appliedIndex, index);
  });

  it('follows on its own accord, without anybody asking', async (t) => {
    const { tables, client } = await start(t, temporaryFolder());
    const index = await client.propose(announces(0, 10));
    await waitFor('the tables to follow', () => tables.appliedIndex >= index);
  });

  it('goes on where it was after a restart, and has everything', async (t) => {
    const folder = temporaryFolder();
    const first = await start(t, folder);
    await Promise.all(Array.from({ length: 100 }, (_, i) => first.client.propose(announces(i * 10, 10))));
    await first.close();
    const second = await start(t, folder);
    const index = await second.client.propose(announces(1_000, 10));
    await second.tables.flush(index);
    await second.close();
    const reader = ContentsReader.open(join(folder, TABLES_FILE), Number);
    const [content] = reader.contents({ limit: 1 }).contents;
    assert.equal(content.seeders + content.leechers, 1_010);
    assert.equal(content.completed, 505);
    reader.close();
  });

  it('lets the log be trimmed once the tables are safe on the disk', async (t) => {
    const folder = temporaryFolder();
    const { client, close } = await start(t, folder);
    const total = MINIMUM_TAIL_ENTRIES + 1_000;
    for (let i = 0; i < total; i += 1_000) {
      await Promise.all(Array.from({ length: Math.min(1_000, total - i) }, () => client.propose(announces(0, 1))));
    }
    await close();
    const again = await start(t, folder);
    const last = await again.client.propose(announces(0, 1));
    await again.tables.flush(last);
    await again.tables.close();
    await waitFor('the log to be trimmed', () => again.client.keptEntries < total - 500);
    await again.close();
    const store = LogStore.open(folder, 'test');
    assert.ok(store.firstIndex > 500, `the log still begins at ${store.firstIndex}`);
    assert.equal(store.lastIndex, Number(last));
    store.close();
  });

  it('refuses tables that do not belong to the log', async (t) => {
    const folder = temporaryFolder();
    const db = TrackerDatabase.open(join(folder, TABLES_FILE));
    db.applyBatches([{ index: 50n, batch: announces(0, 1) }]);
    db.close();
    const { tables } = await start(t, folder);
    const error = await tables.failed;
    assert.match(error.message, /do not belong together/);
    await assert.rejects(tables.flush(60n), { code: 'LOG_GAP' });
  });

  it('refuses a file that it cannot use', async (t) => {
    const folder = temporaryFolder();
    TrackerDatabase.open(join(folder, TABLES_FILE)).close();
    damagePage(join(folder, TABLES_FILE), 1);
    await assert.rejects(start(t, folder), { name: 'StorageError', code: 'FOREIGN_FILE' });
  });

  it('finds damage in the file and says so', async (t) => {
    const folder = temporaryFolder();
    const path = join(folder, TABLES_FILE);
    const db = TrackerDatabase.open(path);
    db.applyBatches([{ index: 1n, batch: announces(0, 20_000) }]);
    db.close();
    for (let page = 10; page < statSync(path).size / 4096; page += 7) damagePage(path, page);
    const { tables } = await start(t, folder);
    const error = (await tables.failed) as Error & { code: string };
    assert.equal(error.code, 'CORRUPT_FILE');
  });

  it('fails on a full disk and keeps what it had, and the log keeps the rest', async (t) => {
    const disk = smallDisk(t, '3m');
    if (!disk) return;
    const { log, tables, client } = await start(t, temporaryFolder(), disk.folder);
    const path = join(disk.folder, TABLES_FILE);
    const failed = tables.failed.then((error) => error as Error & { code: string });
    let index = 0n;
    for (let i = 0; i < 40; i++) index = await client.propose(announces(i * 1_000, 1_000, infoHash(i)));
    await assert.rejects(tables.flush(index), { code: 'DISK_FULL' });
    assert.match((await failed).message, /free space/);
    await tables.close();

    disk.grow('64m');
    const again = await DatabaseClient.start(path, log.connect());
    t.after(() => again.close());
    await again.flush(index);
    const reader = ContentsReader.open(path, Number);
    t.after(() => reader.close());
    const { contents } = reader.contents({ limit: 100 });
    assert.deepEqual(
      contents.map((content) => content.seeders + content.leechers),
      Array.from({ length: 40 }, () => 1_000),
    );
  });

  it('rejects a flush that the end of the thread leaves unanswered', async (t) => {
    const { tables } = await start(t, temporaryFolder());
    const flush = assert.rejects(tables.flush(1_000n), { code: 'DATABASE_CLOSED' });
    await tables.close();
    await tables.close();
    await flush;
  });

  it('runs below the priority of the other threads', {
    skip: process.platform !== 'linux' && 'Linux only',
  }, async (t) => {
    const nices = () => readdirSync('/proc/self/task').map((task) => niceOf(`/proc/self/task/${task}/stat`));
    const own = niceOf(`/proc/self/task/${process.pid}/stat`);
    assert.ok(nices().every((nice) => nice === own));
    await start(t, temporaryFolder());
    assert.equal(nices().filter((nice) => nice > own).length, own >= 10 ? 0 : 1);
    assert.equal(niceOf(`/proc/self/task/${process.pid}/stat`), own);
  });
});

describe('ContentsReader', () => {
  const opened = (t: TestContext, fill: (writer: BatchWriter) => void) => {
    const path = join(temporaryFolder(), TABLES_FILE);
    const db = TrackerDatabase.open(path);
    t.after(() => db.close());
    const writer = new BatchWriter(1 << 20);
    fill(writer);
    db.applyBatches([{ index: 1n, batch: writer.take(7_999) }]);
    const reader = ContentsReader.open(path, (seconds) => 1_000_000 + seconds * 1_000);
    t.after(() => reader.close());
    return reader;
  };
  const peer4 = (last: number) => new Uint8Array([10, 0, 0, last, 0x1a, 0xe1]);
  const sha1 = (number: number) => Buffer.from(infoHash(number)).toString('hex');

  it('pages through the contents in the order of their sha1, named or not', (t) => {
    const reader = opened(t, (writer) => {
      for (let i = 5; i > 0; i--) writer.peer(OP_ANNOUNCE, 0, infoHash(i), 0, peer4(i), 0, i === 3 ? 0 : 1);
      writer.content(infoHash(2), 0, 2 ** 40, new TextEncoder().encode('Größe'));
      writer.content(infoHash(3), 0, -1, new Uint8Array());
    });
    const one = reader.contents({ limit: 2 });
    assert.deepEqual(one, {
      contents: [
        { sha1: sha1(1), name: null, size: null, seeders: 0, leechers: 1, completed: 0 },
        { sha1: sha1(2), name: 'Größe', size: 2 ** 40, seeders: 0, leechers: 1, completed: 0 },
      ],
      next: sha1(2),
      appliedIndex: 1n,
    });
    const two = reader.contents({ limit: 3, after: one.next! });
    assert.deepEqual(
      two.contents.map((content) => [content.sha1, content.name, content.seeders]),
      [
        [sha1(3), null, 1],
        [sha1(4), null, 0],
        [sha1(5), null, 0],
      ],
    );
    assert.equal(two.next, null);
  });

  it('pages through the peers of a content, of both families', (t) => {
    const peer6 = new Uint8Array(18).fill(0x20, 0, 16).fill(1, 16);
    const reader = opened(t, (writer) => {
      for (let i = 1; i <= 3; i++) writer.peer(OP_ANNOUNCE, 0, infoHash(1), 0, peer4(i), 0, 100 * i);
      writer.peer(OP_ANNOUNCE, 1, infoHash(1), 0, peer6, 0, 0);
    });
    const one = reader.content(sha1(1), { limit: 3 })!;
    assert.deepEqual(one.peers, [
      { host: '10.0.0.1', port: 6881, left: 100, lastSeen: 1_007_000 },
      { host: '10.0.0.2', port: 6881, left: 200, lastSeen: 1_007_000 },
      { host: '10.0.0.3', port: 6881, left: 300, lastSeen: 1_007_000 },
    ]);
    assert.equal(one.leechers, 3);
    const two = reader.content(sha1(1), { limit: 3, after: one.next! })!;
    assert.deepEqual(
      two.peers.map((peer) => peer.host),
      ['2020:2020:2020:2020:2020:2020:2020:2020'],
    );
    assert.equal(two.next, null);
    assert.equal(reader.content(sha1(9), { limit: 3 }), undefined);
  });

  it('pages through the admission lists', (t) => {
    const reader = opened(t, (writer) => {
      writer.admissionMode(2);
      for (let i = 1; i <= 3; i++) writer.admission(OP_ADMISSION_ADD, 2, infoHash(i));
    });
    assert.deepEqual(reader.admission({ list: 'deny', limit: 2 }), {
      mode: 'deny',
      sha1s: [sha1(1), sha1(2)],
      next: sha1(2),
    });
    assert.deepEqual(reader.admission({ list: 'deny', limit: 2, after: sha1(2) }).sha1s, [sha1(3)]);
    assert.deepEqual(reader.admission({ list: 'allow', limit: 2 }).sha1s, []);
  });
});

function niceOf(stat: string): number {
  // Field 19 of proc(5), counted behind the name, which may hold spaces.
  return Number(readFileSync(stat, 'utf8').split(') ')[1].split(' ')[16]);
}
