import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StageMember } from '../faults/stage.ts';
import { waitFor } from '../harness/wait-for.ts';
import { CUTS, cutOff, sourcesAfter } from './cuts.ts';
import { missingForLan } from './lan.ts';
import { underLoadOnLan } from './lan-place.ts';

/** Several election timeouts, in which somebody who is cut off would call for elections if it could. */
const CUT_MS = 1_500;

describe('one member of three, cut off from the others', { skip: missingForLan() }, () => {
  for (const cut of CUTS) {
    test(`a master that ${cut.what} stops answering before another one answers, and follows when it is back`, (t) =>
      underLoadOnLan(t, 3, async (stage, lan) => {
        const old = await stage.master();
        await cutOff(lan, old.name, lan.names, cut);
        const cutFor = sleep(CUT_MS);
        const later = await sourcesAfter(stage, old);
        await stage.serves();
        await cutFor;
        assert.ok(!later().includes(old.clientPort), `${old.clientPort} answered again, behind ${later().join(', ')}`);
        await lan.heal();
        await stage.voters(3);
        t.diagnostic(`nobody answered for ${stage.watch.longestSilenceMs} ms`);
      }));
  }

  test('a slave disturbs nobody, whichever way it is cut off, and catches up when it is back', (t) =>
    underLoadOnLan(t, 3, async (stage, lan) => {
      const master = await stage.master();
      const slave = await stage.slave();
      const { term } = await master.api.cluster();
      const undisturbed = async (what: string) => {
        await lan.heal();
        await stage.voters(3);
        await stage.serves();
        const now = await master.api.cluster();
        assert.deepEqual([now.master, now.term], [now.self, term], `a slave that ${what}`);
      };
      for (const cut of CUTS) {
        await cutOff(lan, slave.name, lan.names, cut);
        const cutFor = sleep(CUT_MS);
        await stage.serves();
        if (!cut.isHeard) await loses(master, slave);
        if (!cut.hears) await loses(slave, master);
        await cutFor;
        await undisturbed(cut.what);
      }
      await lan.among([master.name, slave.name], { block: 'everything' });
      await loses(slave, master);
      await sleep(CUT_MS);
      await undisturbed('reaches all but the master');
      assert.deepEqual(stage.watch.sources, [master.clientPort]);
    }));
});

/** Waits until a member takes another one for dead. */
async function loses(who: StageMember, whom: StageMember): Promise<void> {
  await waitFor(`${who.name} to miss ${whom.name}`, async () => {
    const { members } = await who.api.cluster();
    return members.some(({ name, alive }) => name === whom.name && !alive);
  });
}
