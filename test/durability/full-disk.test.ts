import assert from 'node:assert/strict';
import { statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type SmallDisk, smallDisk } from '../../src/cluster/storage/storage-faults.ts';
import { AnnounceLoad } from '../harness/announce-load.ts';
import { WAYS } from '../harness/both-ways.ts';
import { startSwarmkeeper } from '../harness/start-swarmkeeper.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { waitFor } from '../harness/wait-for.ts';
import { assertRefusal, refusalOn } from './refusal.ts';

/** Takes all of the disk but so many bytes. */
function fill({ folder }: SmallDisk, leave: number): void {
  const { bavail, bsize } = statfsSync(folder);
  const bytes = bavail * bsize - leave;
  if (bytes > 0) writeFileSync(join(folder, `ballast-${bytes}`), new Uint8Array(bytes));
}

describe('a full disk', { concurrency: true }, () => {
  for (const { name, env } of WAYS) {
    test(`a disk that fills up ends the instance, and nothing that it acknowledged is lost (${name})`, async (t) => {
      const disk = smallDisk(t, '64m');
      if (disk === undefined) return;
      const dataDir = join(disk.folder, 'data');
      const options = { dataDir, env: { ...process.env, ...env } };
      const load = new AnnounceLoad();
      // It ends in another place each time, with another part of its files to find no room.
      for (const [round, room] of [3 << 20, 1 << 20, 256 << 10].entries()) {
        await using tracker = await startSwarmkeeper(options);
        await load.verify(new TrackerApi(tracker));
        await using running = await load.start(tracker);
        await load.acknowledges(100);
        fill(disk, room);
        await waitFor('the instance to give up', () => !tracker.process.running, 120_000);
        const ended = await tracker.process.ended();
        // Whichever of its files was the first to find no room.
        assert.match(assertRefusal(ended, dataDir), /^(?:LOG_FAILED|DISK_FULL)$/);
        assert.match(ended.stderr, /the instance stopped: .*disk is full; free space on the disk/);
        await running[Symbol.asyncDispose]();
        disk.grow(`${64 * (round + 2)}m`);
      }
      await using tracker = await startSwarmkeeper(options);
      await load.verify(new TrackerApi(tracker));
      assert.equal((await tracker.stop()).code, 0);
    });
  }

  test('an instance does not start on a disk that is full, and says so', async (t) => {
    for (const room of [0, 4 << 10, 32 << 10]) {
      const disk = smallDisk(t, '16m');
      if (disk === undefined) return;
      fill(disk, room);
      const dataDir = join(disk.folder, 'data');
      assert.equal(await refusalOn(dataDir), 'DISK_FULL', `${room} bytes free`);
    }
  });
});
