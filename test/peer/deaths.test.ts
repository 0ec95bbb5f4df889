import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCluster } from '../harness/start-cluster.ts';
import { bytesOf, doneOf, SLOWLY, Stage } from './stage.ts';

const MIB = 1024 * 1024;

test('The master dies in a download: it completes, and who comes later finds a seeder', async (t) => {
  await using cluster = await startCluster();
  const stage = await Stage.open(t, cluster.network);
  await stage.write('big.iso', 24 * MIB);
  await stage.share(stage.path('big.iso'));
  const get = stage.run('get', 'big.iso', '-o', stage.path('one'), '--no-seed', ...SLOWLY);
  await get.until('a part is there', () => bytesOf(get) > 0);
  const master = await cluster.master();
  await master.stop('SIGKILL');
  doneOf(await get.ended());
  await stage.assertSame('big.iso', 'one/big.iso');
  await stage.get('big.iso', 'two');
  await stage.assertSame('big.iso', 'two/big.iso');
});

test('All trackers die in a download: it goes on among the peers that know each other', async (t) => {
  await using cluster = await startCluster({ instances: 1 });
  const stage = await Stage.open(t, cluster.network);
  await stage.write('big.iso', 24 * MIB);
  const { process: sharing } = await stage.share(stage.path('big.iso'), '--upload-rate', '4096');
  const gets = ['one', 'two'].map((name) => stage.run('get', 'big.iso', '-o', stage.path(name), '--no-seed'));
  for (const get of gets) await get.until('a part is there', () => bytesOf(get) > 0);
  await cluster.instances[0].stop('SIGKILL');
  for (const get of gets) doneOf(await get.ended(120_000));
  await stage.assertSame('big.iso', 'one/big.iso');
  await stage.assertSame('big.iso', 'two/big.iso');
  assert.ok(sharing.running);
});

test('A get that is killed with -9 goes on where it was, with all trackers gone and a peer that is named', async (t) => {
  await using cluster = await startCluster({ instances: 1 });
  const stage = await Stage.open(t, cluster.network);
  await stage.write('folder/big.iso', 80 * MIB);
  await stage.write('folder/small', 10);
  const { shared } = await stage.share(stage.path('folder'));
  const [{ sha1, port }] = shared;
  const args = [sha1, '-o', stage.path('out'), '--no-seed'];
  const killed = stage.run('get', ...args, '--download-rate', '32768');
  // More than a group, which is what may be lost.
  await killed.until('half of it is there', () => bytesOf(killed) > 40 * MIB);
  killed.kill('SIGKILL');
  await killed.ended();
  await cluster.instances[0].stop('SIGKILL');
  const done = doneOf(await stage.run('get', ...args, '--peer', `127.0.0.1:${port}`).ended());
  assert.ok(done.fetched < 80 * MIB, `all was fetched again: ${done.fetched} bytes`);
  await stage.assertSame('folder', 'out/folder');
});
