import assert from 'node:assert/strict';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { waitFor } from '../harness/wait-for.ts';
import { underLoad } from './stage.ts';

/** Seconds after which a dead voter's place is given away. */
const REPLACE_AFTER = 2;

describe('joining', () => {
  test('an instance that comes during an election joins, and has everything', (t) =>
    underLoad(t, {}, async (stage) => {
      const master = await stage.master();
      await Promise.all([master.kill(), stage.add('d')]);
      await stage.serves();
      await master.start();
      await stage.voters(3);
    }));

  test('two that come at once join both and become voters', (t) =>
    underLoad(t, {}, async (stage) => {
      await Promise.all([stage.add('d'), stage.add('e')]);
      await stage.voters(5);
    }));

  test('one that comes when the log has given its beginning back gets a copy of the tables, then the rest', (t) =>
    underLoad(t, { args: ['--keep-log', '1'] }, async (stage) => {
      const master = await stage.master();
      await waitFor('the master to give the beginning of its log back', async () => {
        const { commitIndex } = await master.api.cluster();
        return (await master.api.metric('log_entries')) < commitIndex - 1;
      });
      const [d] = await Promise.all([stage.add('d'), stage.add('e')]);
      await stage.voters(5);
      assert.notDeepEqual(await readdir(join(d.dataDir, 'snapshots')), []);
    }));

  test('a slave whose data folder is wiped comes back as a new member and takes the place of the one it was', (t) =>
    underLoad(t, { args: ['--replace-after', String(REPLACE_AFTER)] }, async (stage) => {
      const slave = await stage.slave();
      const before = (await slave.api.cluster()).self;
      await slave.kill();
      await rm(slave.dataDir, { recursive: true });
      await slave.start();
      await stage.voters(3);
      const { self } = await slave.api.cluster();
      const { members } = await (await stage.master()).api.cluster();
      const voters = members.filter(({ voter }) => voter).map(({ id }) => id);
      assert.deepEqual([voters.includes(self), voters.includes(before)], [true, false]);
    }));
});
