import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import { describe, test } from 'node:test';
import type { Ended } from '../harness/start-swarmkeeper.ts';
import { underLoad } from './stage.ts';

describe('a data folder that was copied', () => {
  test('is refused while the original lives, which goes on', (t) =>
    underLoad(t, {}, async (stage) => {
      const original = await stage.slave();
      await original.kill();
      await cp(original.dataDir, stage.folderOf('copy'), { recursive: true });
      await original.start();
      await stage.voters(3);
      assertRefused(await stage.runRefused('copy'));
      assert.ok(original.alive, original.stderr);
      await stage.voters(3);
    }));

  test('serves in place of the original, which is refused from then on', (t) =>
    underLoad(t, {}, async (stage) => {
      const original = await stage.slave();
      await original.kill();
      await cp(original.dataDir, stage.folderOf('copy'), { recursive: true });
      const copy = await stage.add('copy');
      await stage.voters(3);
      assertRefused(await stage.runRefused(original.name));
      assert.ok(copy.alive, copy.stderr);
      await stage.voters(3);
    }));
});

function assertRefused({ code, signal, stdout, stderr }: Ended): void {
  assert.deepEqual([code, signal], [1, null], `${stdout}${stderr}`);
  assert.match(stderr, /another instance with this identity is running: its data folder is a copy of this one/);
}
