import assert from 'node:assert/strict';
import { cp, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { AnnounceLoad } from '../harness/announce-load.ts';
import {
  type Listening,
  runSwarmkeeper,
  SwarmkeeperProcess,
  startSwarmkeeper,
  temporaryFolder,
} from '../harness/start-swarmkeeper.ts';
import { testNetwork } from '../harness/test-network.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { waitFor } from '../harness/wait-for.ts';
import { assertRefusal } from './refusal.ts';

const ANNOUNCES = 1_500;
const PAGE_BYTES = 4_096;
const FILES = ['log.db', 'tracker.db'] as const;

/** A folder that was in use, and what has to be in it. */
const load = new AnnounceLoad();
let used: Awaited<ReturnType<typeof temporaryFolder>>;

before(async () => {
  used = await temporaryFolder();
  // Several lives, so that the files have been through checkpoints and trimming.
  for (const signal of ['SIGTERM', 'SIGKILL', 'SIGTERM'] as const) {
    await using tracker = await startSwarmkeeper({ dataDir: used.path });
    await load.verify(new TrackerApi(tracker));
    await using running = await load.start(tracker);
    await load.acknowledges(ANNOUNCES);
    await running[Symbol.asyncDispose]();
    await tracker.stop(signal);
  }
  await using tracker = await startSwarmkeeper({ dataDir: used.path });
  await load.verify(new TrackerApi(tracker));
  await tracker.stop();
});

after(() => used[Symbol.asyncDispose]());

type Damage = (path: string) => Promise<void>;

/** A copy of the folder with one file damaged. */
async function damagedCopy(file: string, damage: Damage) {
  const copy = await temporaryFolder();
  await cp(used.path, copy.path, { recursive: true });
  await damage(join(copy.path, file));
  return copy;
}

/**
 * Starts an instance on a damaged copy: it must refuse, or serve all that was acknowledged.
 * @returns the code of the refusal; undefined when all was there
 */
async function outcomeOf(file: string, damage: Damage): Promise<string | undefined> {
  await using copy = await damagedCopy(file, damage);
  await using process = new SwarmkeeperProcess([
    'tracker',
    '--json',
    '--port',
    '0',
    '--data',
    copy.path,
    ...testNetwork().args,
  ]);
  const started = await waitFor('it to listen or to end', () => {
    const listening = process.jsonLines.find(({ event }) => event === 'listening') as Listening | undefined;
    return listening !== undefined || !process.running ? { listening } : undefined;
  });
  if (started.listening !== undefined) {
    try {
      await load.verify(new TrackerApi(started.listening));
      process.kill('SIGTERM');
      assert.deepEqual((await process.ended()).code, 0);
      return undefined;
    } catch (error) {
      // What is checked while it already serves may end it; if it goes on, something was lost.
      await waitFor('its end', () => !process.running, 5_000).catch(() => {
        throw error;
      });
    }
  }
  return assertRefusal(await process.ended(), copy.path);
}

/** Sees that an instance refuses the file for this reason, and leaves it as it is. */
async function isLeftAlone(file: string, code: string, damage: Damage): Promise<void> {
  await using copy = await damagedCopy(file, damage);
  const before = await readFile(join(copy.path, file));
  const ended = await runSwarmkeeper(['tracker', '--json', '--port', '0', '--data', copy.path, ...testNetwork().args]);
  assert.equal(assertRefusal(ended, copy.path), code);
  assert.deepEqual(await readFile(join(copy.path, file)), before);
}

async function changeBytes(path: string, at: number, length: number): Promise<void> {
  await using file = await open(path, 'r+');
  const bytes = Buffer.alloc(length);
  await file.read(bytes, 0, length, at);
  await file.write(
    bytes.map((byte) => byte ^ 0xa5),
    0,
    length,
    at,
  );
}

async function executeSql(path: string, sql: string): Promise<void> {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
}

describe('damaged files', { concurrency: true }, () => {
  for (const file of FILES) {
    describe(file, { concurrency: 1 }, () => {
      test('a file whose first bytes are damaged is refused', () =>
        isLeftAlone(file, 'FOREIGN_FILE', (path) => changeBytes(path, 0, 16)));

      test('a file whose header is damaged is refused', async () => {
        const code = await outcomeOf(file, (path) => changeBytes(path, 16, 84));
        assert.ok(['CORRUPT_FILE', 'FOREIGN_FILE'].includes(code ?? 'served'), `${code}`);
      });

      test('damage to any page is refused, unless it did not matter', async () => {
        const pages = Math.floor((await stat(join(used.path, file))).size / PAGE_BYTES);
        const codes = new Set<string | undefined>();
        for (const page of new Set([1, 2, Math.floor(pages / 3), Math.floor(pages / 2), pages - 1])) {
          codes.add(await outcomeOf(file, (path) => changeBytes(path, page * PAGE_BYTES, PAGE_BYTES)));
        }
        codes.delete(undefined);
        assert.deepEqual([...codes], ['CORRUPT_FILE']);
      });

      test('a file that was cut off is refused', async () => {
        const { size } = await stat(join(used.path, file));
        for (const rest of [100, PAGE_BYTES, Math.floor(size / 2), size - PAGE_BYTES]) {
          const code = await outcomeOf(file, (path) => truncate(path, rest));
          assert.ok(['CORRUPT_FILE', 'FOREIGN_FILE'].includes(code ?? 'served'), `${rest} of ${size} bytes: ${code}`);
        }
      });

      test('without the file, or with an empty one, nothing is served that is not whole', async () => {
        for (const damage of [(path: string) => rm(path), (path: string) => truncate(path, 0)]) {
          const code = await outcomeOf(file, damage);
          assert.ok(code === undefined || code === 'LOG_GAP', `${code}`);
        }
      });

      test('a file of a newer version is refused and left as it is', () =>
        isLeftAlone(file, 'NEWER_VERSION', (path) => executeSql(path, 'PRAGMA user_version = 99')));

      test("another program's database is refused and left as it is", () =>
        isLeftAlone(file, 'FOREIGN_FILE', async (path) => {
          await rm(path);
          await executeSql(path, 'CREATE TABLE recipes (title TEXT)');
        }));

      test('a text is refused and left as it is', () =>
        isLeftAlone(file, 'FOREIGN_FILE', (path) => writeFile(path, 'Dear diary,\n'.repeat(1_000))));
    });
  }

  test('the files of two instances are refused together', async () => {
    await using other = await temporaryFolder();
    await using tracker = await startSwarmkeeper({ dataDir: other.path });
    await tracker.stop();
    const code = await outcomeOf('log.db', (path) => cp(join(other.path, 'log.db'), path));
    assert.equal(code, 'LOG_GAP');
  });
});
