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

const KILLS = Number(process.env.KILLS ?? 100);
/** Downloads that are killed beside each other: one leaves a processor idle while its process starts. */
const LANES = 2;
const PIECE = 256 * 1024;
const UPLOAD_RATE = 60_000_000;
/** The latest moment, in milliseconds of its life, that a peer is killed at. */
const LONGEST_LIFE_MS = 1_500;

interface Life {
  /** What it had when it began, after hashing what was in doubt; undefined: it was killed before it knew. */
  had: Set<number> | undefined;
  /** What it verified since. */
  readonly got: Set<number>;
  /** Bytes that came from others. */
  received: number;
  isDone: boolean;
}

/** When a peer is killed: with so many pieces, or at an age. */
type Death = { readonly pieces: number } | { readonly ms: number } | undefined;

/** At any moment: while it starts, hashes, fetches, writes, or ends. */
function anyDeath(): Death {
  const share = Math.random();
  return Math.random() < 0.5 ? { pieces: 1 + Math.floor(share * 60) } : { ms: share * LONGEST_LIFE_MS };
}

/** Runs a peer until its death, or until it is done. */
async function live(args: readonly string[], env: NodeJS.ProcessEnv, death: Death): Promise<Life> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'test-processes.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  const kill = () => child.kill('SIGKILL');
  const timer = death && 'ms' in death ? setTimeout(kill, death.ms) : undefined;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const life: Life = { had: undefined, got: new Set(), received: 0, isDone: false };
  for await (const line of createInterface(child.stdout)) {
    // The last one may be cut.
    if (!line.endsWith('}')) continue;
    const told = JSON.parse(line) as { event: string; have: number[]; piece: number; received: number };
    if (told.event === 'settled') life.had = new Set(told.have);
    else life.received = told.received;
    if (told.event === 'piece') life.got.add(told.piece);
    if (told.event === 'done') life.isDone = true;
    if (death && 'pieces' in death && life.got.size >= death.pieces) kill();
  }
  await exited;
  clearTimeout(timer);
  return life;
}

test(`A peer that is killed ${KILLS} times in a download completes it, and fetches no more than a group again each time`, async (t) => {
  const content = testContent(
    [
      { path: ['one'], length: 30_000_000 },
      { path: ['two', 'three'], length: 18_000_001 },
    ],
    { pieceLength: PIECE },
  );
  const seeds = temporaryFolder();
  for (const [place, { path }] of content.info.files.entries()) {
    mkdirSync(join(seeds, ...path.slice(0, -1)), { recursive: true });
    writeFileSync(join(seeds, ...path), content.file(place));
  }
  const torrent = join(seeds, 'torrent');
  writeFileSync(torrent, content.metainfo);
  const seeder = new DownloadManager({ dataFolder: join(seeds, 'data'), uploadRate: UPLOAD_RATE });
  t.after(() => seeder.close());
  await seeder.listen('127.0.0.1', 0);
  await (await seeder.add({ metainfo: content.metainfo, folder: seeds })).settled();
  // A process that starts where another was before starts sooner.
  const env = { NODE_COMPILE_CACHE: temporaryFolder() };

  let killsLeft = KILLS;
  let kills = 0;
  const lane = async () => {
    const folder = temporaryFolder();
    const args = [folder, torrent, String(seeder.address?.port)];
    const assertComplete = () => {
      for (const [place, { path }] of content.info.files.entries()) {
        assert.ok(readFileSync(join(folder, ...path)).equals(content.file(place)), path.join('/'));
      }
    };
    let known = new Set<number>();
    /** Since the download began. */
    let [received, killed] = [0, 0];
    const next = async (death: Death) => {
      const life = await live(args, env, death);
      const { had, got, isDone } = life;
      received += life.received;
      if (had) {
        const lost = [...known].filter((piece) => !had.has(piece));
        assert.ok(lost.length * PIECE <= GROUP_BYTES + PIECE, `${lost.length} pieces were lost at once`);
        known = had.union(got);
      }
      if (!isDone) killed++;
      return isDone;
    };
    const finish = () => {
      assertComplete();
      const again = received - content.info.size;
      assert.ok(again <= killed * GROUP_BYTES, `${again} bytes were fetched again for ${killed} kills`);
      kills += killed;
    };
    while (killsLeft > 0) {
      killsLeft--;
      if (!(await next(anyDeath()))) continue;
      // It was faster than its death: once more from the start.
      killsLeft++;
      finish();
      [received, killed, known] = [0, 0, new Set()];
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
    }
    assert.ok(await next(undefined), 'it was not killed, and did not complete');
    finish();
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  assert.ok(kills >= KILLS, `it was killed ${kills} times`);
});
