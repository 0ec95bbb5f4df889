import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { temporaryFolder } from '../cluster/storage/storage-faults.ts';
import { DownloadManager } from './download-manager.ts';
import { GROUP_BYTES } from './store/chunk-store.ts';
import { testContent } from './store/test-content.ts';

const KILLS = Number(process.env.KILLS ?? 8);
const DEADLINE_MS = 60_000;
const PIECE = 256 * 1024;

interface Life {
  /** What it had when it began, after hashing what was in doubt. */
  readonly had: Set<number>;
  /** What it verified since. */
  readonly got: Set<number>;
  readonly isDone: boolean;
}

/** Runs a peer until it has fetched `pieces` pieces, then kills it; or until it is done. */
async function live(args: string[], pieces: number): Promise<Life> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'test-processes.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS);
  const exited = new Promise((resolve) => child.once('exit', resolve));
  let had: Set<number> | undefined;
  const got = new Set<number>();
  let isDone = false;
  for await (const line of createInterface(child.stdout)) {
    const told = JSON.parse(line) as { event: string; have: number[]; piece: number };
    if (told.event === 'settled') had = new Set(told.have);
    if (told.event === 'piece') got.add(told.piece);
    if (told.event === 'done') isDone = true;
    if (told.event !== 'done' && got.size >= pieces) child.kill('SIGKILL');
  }
  await exited;
  clearTimeout(timer);
  assert.ok(had, 'the peer never began');
  return { had, got, isDone };
}

test(`A peer that is killed ${KILLS} times in a download completes it, and fetches no more than a group again each time`, async (t) => {
  const content = testContent(
    [
      { path: ['one'], length: 30_000_000 },
      { path: ['two', 'three'], length: 18_000_001 },
    ],
    { pieceLength: PIECE },
  );
  const seeds = temporaryFolder(t);
  for (const [place, { path }] of content.info.files.entries()) {
    mkdirSync(join(seeds, ...path.slice(0, -1)), { recursive: true });
    writeFileSync(join(seeds, ...path), content.file(place));
  }
  const torrent = join(seeds, 'torrent');
  writeFileSync(torrent, content.metainfo);
  const seeder = new DownloadManager({ dataFolder: join(seeds, 'data'), uploadRate: 40_000_000 });
  t.after(() => seeder.close());
  await seeder.listen('127.0.0.1', 0);
  await (await seeder.add({ metainfo: content.metainfo, folder: seeds })).settled();

  const folder = temporaryFolder(t);
  const args = [folder, torrent, String(seeder.address?.port)];
  const assertComplete = () => {
    for (const [place, { path }] of content.info.files.entries()) {
      assert.ok(readFileSync(join(folder, ...path)).equals(content.file(place)), path.join('/'));
    }
  };
  let known = new Set<number>();
  for (let kill = 0; kill < KILLS; kill++) {
    const life = await live(args, 1 + Math.floor(Math.random() * 40));
    const lost = [...known].filter((piece) => !life.had.has(piece));
    assert.ok(lost.length * PIECE <= GROUP_BYTES + PIECE, `${lost.length} pieces were lost in kill ${kill}`);
    known = life.had.union(life.got);
    if (!life.isDone) continue;
    // It was faster than the kill: once more from the start.
    assertComplete();
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
    known = new Set();
  }
  const { isDone } = await live(args, Number.POSITIVE_INFINITY);
  assert.ok(isDone);
  assertComplete();
});
