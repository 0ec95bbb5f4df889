import assert from 'node:assert/strict';
import { copyFile, mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { smallDisk } from '../../src/cluster/storage/storage-faults.ts';
import { startCluster, type TestCluster } from '../harness/start-cluster.ts';
import type { SwarmkeeperProcess } from '../harness/start-swarmkeeper.ts';
import { bytesOf, doneOf, SLOWLY, Stage } from './stage.ts';

const MIB = 1024 * 1024;

let cluster: TestCluster;
before(async () => {
  cluster = await startCluster({ instances: 1 });
});
after(() => cluster[Symbol.asyncDispose]());

/** That the command gave up, with this code, and said what to do. */
async function assertGaveUp(process: SwarmkeeperProcess, code: string, message: RegExp): Promise<void> {
  const ended = await process.ended();
  assert.equal(ended.code, 1, ended.stdout + ended.stderr);
  assert.match(ended.stderr, message);
  assert.equal(process.jsonLines.at(-1)?.code, code, ended.stdout);
}

test('A get into a full disk says so, and goes on where it was when there is room', async (t) => {
  const disk = smallDisk(t, '6m');
  if (!disk) return;
  const stage = await Stage.open(t, cluster.network);
  for (let i = 0; i < 5; i++) await stage.write(`too-big/${i}`, 2 * MIB);
  const { shared } = await stage.share(stage.path('too-big'));
  const args = [shared[0].sha1, '-o', disk.folder, '--no-seed'];
  await assertGaveUp(
    stage.run('get', ...args),
    'PAUSED',
    /too-big is not complete: .*ENOSPC.*free space on the disk.*the same command goes on with it/,
  );
  disk.grow('32m');
  const done = doneOf(await stage.run('get', ...args).ended());
  assert.ok(done.fetched < 10 * MIB, `all was fetched again: ${done.fetched} bytes`);
  await stage.assertSame('too-big', `../${disk.folder.split('/').at(-1)}/too-big`);
});

test('A get that has no room to remember what it has says so', async (t) => {
  const disk = smallDisk(t, '48k');
  if (!disk) return;
  const stage = await Stage.open(t, cluster.network);
  await stage.write('forgotten', 1 * MIB);
  const { shared } = await stage.share(stage.path('forgotten'));
  const args = [shared[0].sha1, '-o', stage.path('out'), '--no-seed', '--data', disk.folder];
  const ended = await stage.run('get', ...args).ended();
  assert.equal(ended.code, 1, ended.stdout);
  assert.match(ended.stderr, /peer\.db.*full.*free space/);
  disk.grow('4m');
  doneOf(await stage.run('get', ...args).ended());
  await stage.assertSame('forgotten', 'out/forgotten');
});

test('A get into a folder that cannot be written, or made, says so, and writes nothing', async (t) => {
  const disk = smallDisk(t, '4m');
  if (!disk) return;
  disk.readOnly();
  const stage = await Stage.open(t, cluster.network);
  await stage.write('written', 1 * MIB);
  await stage.share(stage.path('written'));
  const cases: [folder: string, message: RegExp][] = [
    [disk.folder, /EROFS.*make the folder writable for this user, or choose another/],
    [`${disk.folder}/new`, /new: EROFS.*make the folder writable for this user, or choose another/],
    ['/proc/nothing', /\/proc\/nothing cannot be made; choose another/],
    [stage.path('written'), /written is not a folder; choose another/],
    [stage.path('written/below'), /a file is in the way of a folder/],
  ];
  await Promise.all(
    cases.map(([folder, message]) =>
      assertGaveUp(stage.run('get', 'written', '-o', folder, '--no-seed'), 'PAUSED', message),
    ),
  );
});

test('A file that is taken away in a download is missed, and the same command gets it again', async (t) => {
  const stage = await Stage.open(t, cluster.network);
  await stage.write('lost/big', 24 * MIB);
  await stage.write('lost/small', 1 * MIB);
  await stage.share(stage.path('lost'));
  const args = ['lost', '-o', stage.path('out'), '--no-seed'];
  const get = stage.run('get', ...args, ...SLOWLY);
  await get.until('a part is there', () => bytesOf(get) > 4 * MIB);
  await rm(stage.path('out/lost/big'));
  await assertGaveUp(get, 'PAUSED', /lost\/big was deleted or cut while it was written.*the same command goes on/);
  doneOf(await stage.run('get', ...args).ended());
  await stage.assertSame('lost', 'out/lost');
});

test('What was changed, cut or put there before is found by the next get, and only that fetched again', async (t) => {
  const stage = await Stage.open(t, cluster.network);
  for (const name of ['changed', 'cut', 'kept', 'stays']) await stage.write(`mended/${name}`, 4 * MIB);
  await stage.share(stage.path('mended'));
  await mkdir(stage.path('out/mended'), { recursive: true });
  await copyFile(stage.path('mended/kept'), stage.path('out/mended/kept'));
  const first = await stage.get('mended', 'out');
  assert.ok(first.fetched <= 12.2 * MIB, `what was there was fetched: ${first.fetched} bytes`);
  await stage.write('out/mended/changed', 4 * MIB);
  await truncate(stage.path('out/mended/cut'), 1 * MIB);
  const second = await stage.get('mended', 'out');
  assert.ok(second.fetched >= 7 * MIB && second.fetched <= 8.5 * MIB, `${second.fetched} bytes were fetched again`);
  await stage.assertSame('mended', 'out/mended');
});

test('A file that is longer than it should be, or no file, is left alone, and the reason given', async (t) => {
  const stage = await Stage.open(t, cluster.network);
  await stage.write('mine', 1 * MIB);
  await stage.write('folders', 1 * MIB);
  await stage.share(stage.path('mine'), stage.path('folders'));
  await stage.write('out/mine', 2 * MIB);
  await mkdir(stage.path('out/folders'));
  const get = (what: string) => stage.run('get', what, '-o', stage.path('out'), '--no-seed');
  await assertGaveUp(get('mine'), 'PAUSED', /mine is there and longer than the torrent's file; move it away/);
  await assertGaveUp(get('folders'), 'PAUSED', /folders is no regular file; move it away/);
});

test('A shared file that somebody changes is not sent any more; who wants it gets it when it is back', async (t) => {
  const stage = await Stage.open(t, cluster.network);
  await stage.write('edited', 3 * MIB);
  await copyFile(stage.path('edited'), stage.path('as-it-was'));
  const { process: sharing } = await stage.share(stage.path('edited'));
  await writeFile(stage.path('edited'), Buffer.alloc(3 * MIB));
  const get = stage.run('get', 'edited', '-o', stage.path('out'), '--no-seed');
  await assertGaveUp(sharing, 'PAUSED', /edited is not shared any more: edited was changed by another program/);
  assert.ok(sharing.jsonLines.some(({ event }) => event === 'paused'));
  await copyFile(stage.path('as-it-was'), stage.path('edited'));
  await stage.share(stage.path('edited'));
  // It asks who has it less and less often, up to every half minute.
  doneOf(await get.ended(120_000));
  await stage.assertSame('edited', 'out/edited');
});

test('Of several that are shared, one whose file is gone is told of, and the others are shared still', async (t) => {
  const stage = await Stage.open(t, cluster.network);
  await stage.write('gone', 1 * MIB);
  await stage.write('here', 1 * MIB);
  const { process: sharing } = await stage.share(stage.path('gone'), stage.path('here'));
  await rm(stage.path('gone'));
  const get = stage.run('get', 'gone', '-o', stage.path('out'), '--no-seed');
  await sharing.until('it is missed', () => sharing.jsonLines.some(({ event }) => event === 'paused'));
  assert.match(sharing.stderr, /gone is not shared any more: gone is not there any more; put it back/);
  await stage.get('here', 'out');
  get.kill('SIGINT');
  await assertGaveUp(get, 'INTERRUPTED', /gone is not complete; the same command goes on with it/);
  sharing.kill('SIGINT');
  assert.equal((await sharing.ended()).code, 0);
});
