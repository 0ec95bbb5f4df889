import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { underLoad } from './stage.ts';

/** By node:dgram and the HTTP server, as elsewhere than on Linux. */
const PORTABLE = { env: { SWARMKEEPER_PORTABLE: '1' } };

describe('kill -9', () => {
  test('the master dies: a slave takes over, nothing that was acknowledged is lost, and it comes back as a slave', (t) =>
    underLoad(t, {}, async (stage) => {
      const master = await stage.master();
      await master.kill();
      await stage.serves();
      await master.start();
      await stage.voters(3);
      assert.ok(stage.watch.sources.length > 1, 'another one has answered');
    }));

  test('a slave dies: the master goes on answering, and the slave catches up when it is back', (t) =>
    underLoad(t, {}, async (stage) => {
      const slave = await stage.slave();
      await slave.kill();
      await stage.serves();
      await slave.start();
      await stage.voters(3);
    }));

  test('all die at once: started again they have everything and serve', (t) =>
    underLoad(t, {}, async (stage) => {
      const { alive } = stage;
      await Promise.all(alive.map((member) => member.kill()));
      await Promise.all(alive.map((member) => member.start()));
      await stage.voters(3);
    }));

  test('the master and a slave of five, which do their I/O in different ways, die at once: the other three go on', (t) =>
    underLoad(t, { instances: 5, members: { b: PORTABLE, d: PORTABLE } }, async (stage) => {
      const dead = [await stage.master(), await stage.slave()];
      await Promise.all(dead.map((member) => member.kill()));
      await stage.serves();
      await Promise.all(dead.map((member) => member.start()));
      await stage.voters(5);
    }));

  test('both slaves die: the master stops answering before anybody could take over, until one of them is back', (t) =>
    underLoad(t, {}, async (stage) => {
      const master = await stage.master();
      const slaves = stage.alive.filter((member) => member !== master);
      await Promise.all(slaves.map((slave) => slave.kill()));
      await stage.watch.silent();
      await slaves[0].start();
      await stage.serves();
      await slaves[1].start();
      await stage.voters(3);
    }));
});
