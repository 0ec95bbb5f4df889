import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { smallDisk } from '../../src/cluster/storage/storage-faults.ts';
import { AnnounceLoad } from '../harness/announce-load.ts';
import { startSwarmkeeper, temporaryFolder } from '../harness/start-swarmkeeper.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { refusalOn } from './refusal.ts';

test('a folder that is a file, or is to be made in one, is refused', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'file');
  await writeFile(file, 'not a folder');
  assert.equal(await refusalOn(file), 'UNWRITABLE');
  assert.equal(await refusalOn(join(file, 'below')), 'UNWRITABLE');
});

test('a folder where the database is a folder itself is refused', async () => {
  for (const name of ['log.db', 'tracker.db']) {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, name));
    assert.equal(await refusalOn(folder.path), 'UNWRITABLE', name);
  }
});

test('a folder that is there already, or is yet to be made, is used', async () => {
  await using folder = await temporaryFolder();
  await using tracker = await startSwarmkeeper({ dataDir: join(folder.path, 'two', 'levels') });
  assert.equal((await tracker.stop()).code, 0);
});

test('a folder that a running instance uses is refused, and the running one is not harmed', async () => {
  await using tracker = await startSwarmkeeper();
  const load = new AnnounceLoad();
  await using running = await load.start(tracker);
  await load.acknowledges(200);
  for (let attempt = 0; attempt < 3; attempt++) assert.equal(await refusalOn(tracker.dataDir), 'IN_USE');
  await load.acknowledges(200);
  await running[Symbol.asyncDispose]();
  await load.verify(new TrackerApi(tracker));
});

test('a folder of another cluster is refused', async () => {
  await using folder = await temporaryFolder();
  await using tracker = await startSwarmkeeper({ dataDir: folder.path, args: ['--cluster', 'films'] });
  await tracker.stop();
  assert.equal(await refusalOn(folder.path, '--cluster', 'books'), 'FOREIGN_FILE');
});

test('a folder that cannot be written is refused, with a database in it and without', async (t) => {
  const disk = smallDisk(t, '64m');
  if (disk === undefined) return;
  const inUse = join(disk.folder, 'used');
  const load = new AnnounceLoad();
  {
    await using tracker = await startSwarmkeeper({ dataDir: inUse });
    await using running = await load.start(tracker);
    await load.acknowledges(200);
    await running[Symbol.asyncDispose]();
    await tracker.stop();
  }
  disk.readOnly();
  assert.equal(await refusalOn(inUse), 'UNWRITABLE');
  assert.equal(await refusalOn(disk.folder), 'UNWRITABLE');
  assert.equal(await refusalOn(join(disk.folder, 'new')), 'UNWRITABLE');
});
