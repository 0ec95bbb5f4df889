import assert from 'node:assert/strict';
import { statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type SmallDisk, smallDisk } from '../../src/cluster/storage/storage-faults.ts';
import { waitFor } from '../harness/wait-for.ts';
import { underLoad } from './stage.ts';

const ROOM_LEFT_BYTES = 256 << 10;

describe('a full disk', () => {
  for (const role of ['master', 'slave'] as const) {
    test(`of the ${role} ends that instance; the others go on, and it catches up when there is room again`, async (t) => {
      const disks = new Map<string, SmallDisk>();
      for (const name of ['a', 'b', 'c']) {
        const disk = smallDisk(t, '64m');
        if (disk === undefined) return;
        disks.set(name, disk);
      }
      const members = Object.fromEntries(
        [...disks].map(([name, { folder }]) => [name, { dataDir: join(folder, 'data') }]),
      );
      await underLoad(t, { members }, async (stage) => {
        const victim = role === 'master' ? await stage.master() : await stage.slave();
        const disk = disks.get(victim.name)!;
        fill(disk);
        await waitFor('the instance to give up', () => !victim.alive, 120_000);
        const { code, signal, stderr } = await victim.instance.process.ended();
        assert.deepEqual([code, signal], [1, null], stderr);
        assert.match(stderr, /disk is full; free space on the disk/);
        await stage.serves();
        disk.grow('256m');
        await victim.start();
        await stage.voters(3);
      });
    });
  }
});

/** Takes all of the disk but a little. */
function fill({ folder }: SmallDisk): void {
  const { bavail, bsize } = statfsSync(folder);
  writeFileSync(join(folder, 'ballast'), new Uint8Array(bavail * bsize - ROOM_LEFT_BYTES));
}
