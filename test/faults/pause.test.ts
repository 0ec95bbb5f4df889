import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { underLoad } from './stage.ts';

const PAUSE_MS = 5_000;

describe('SIGSTOP', () => {
  test('the master stands still for 5 s: another takes over, and when it goes on it is a slave that answers nothing', (t) =>
    underLoad(t, {}, async (stage) => {
      const master = await stage.master();
      master.pause();
      const until = sleep(PAUSE_MS);
      await stage.serves();
      await until;
      // Its sockets are full of requests that nobody else has seen or answered.
      master.resume();
      await stage.voters(3);
      await stage.serves();
      assert.ok(stage.watch.sources.length > 1, 'another one has answered');
    }));

  test('a slave stands still for 5 s and catches up', (t) =>
    underLoad(t, {}, async (stage) => {
      const slave = await stage.slave();
      slave.pause();
      const until = sleep(PAUSE_MS);
      await stage.serves();
      await until;
      slave.resume();
      await stage.voters(3);
    }));

  test('all stand still for a while and go on', (t) =>
    underLoad(t, {}, async (stage) => {
      const { alive } = stage;
      for (const member of alive) member.pause();
      await sleep(PAUSE_MS / 2);
      for (const member of alive) member.resume();
      await stage.voters(3);
    }));
});
