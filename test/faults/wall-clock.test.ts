import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type StageMember, underLoad } from './stage.ts';
import { noSteppedClock, steppedClock } from './stepped-clock.ts';

const HOUR_SECONDS = 3_600;
/** Peers expire after twice that, which an hour is far beyond. */
const INTERVAL_SECONDS = 300;

test('wall clocks that step by an hour, forth in the master and back in a slave, change nothing', {
  skip: noSteppedClock(),
}, async (t) => {
  const clocks = new Map([
    ['a', await steppedClock(t)],
    ['b', await steppedClock(t)],
    ['c', await steppedClock(t)],
  ]);
  const members = Object.fromEntries([...clocks].map(([name, { env }]) => [name, { env }]));
  await underLoad(t, { args: ['--interval', String(INTERVAL_SECONDS)], members }, async (stage) => {
    const master = await stage.master();
    const slave = await stage.slave();
    clocks.get(master.name)!.step(HOUR_SECONDS);
    clocks.get(slave.name)!.step(-HOUR_SECONDS);
    // What an instance tells of times is by its own clock: this is how the test knows that it was stepped.
    const aheadMs = async ({ api }: StageMember) => (await stage.load.latestAnnounce(api)) - Date.now();
    assert.ok((await aheadMs(master)) > (HOUR_SECONDS * 1_000) / 2);
    assert.ok((await aheadMs(slave)) < (-HOUR_SECONDS * 1_000) / 2);
    await stage.serves();
    clocks.get(master.name)!.step(-HOUR_SECONDS);
    await stage.serves();
    for (const { api } of stage.alive) assert.equal(await api.metric('peers_expired_total'), 0);
    // A failover between clocks two hours apart.
    clocks.get(slave.name)!.step(HOUR_SECONDS);
    await master.kill();
    await stage.serves();
    await master.start();
    await stage.voters(3);
    for (const { api } of stage.alive) assert.equal(await api.metric('peers_expired_total'), 0);
  });
});
