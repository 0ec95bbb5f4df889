import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import { test } from 'node:test';
import { underLoad } from './stage.ts';

test('a copy of a data folder is refused while the original lives, which goes on', (t) =>
  underLoad(t, {}, async (stage) => {
    const slave = await stage.slave();
    await slave.kill();
    await cp(slave.dataDir, stage.folderOf('copy'), { recursive: true });
    await slave.start();
    await stage.voters(3);
    const copy = await stage.add('copy');
    const { code, stderr } = await copy.instance.process.ended();
    assert.equal(code, 1);
    assert.match(stderr, /another instance with this identity is running: its data folder is a copy of this one/);
    assert.ok(slave.alive, slave.stderr);
    await stage.voters(3);
  }));
