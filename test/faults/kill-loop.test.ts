import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { underLoad } from './stage.ts';

/** `SWARMKEEPER_KILLS=50` for a longer look. */
const KILLS = Number(process.env.SWARMKEEPER_KILLS ?? 50);
/** Announces acknowledged between one kill and the next, at most: none means in the middle of the election. */
const MOST_ANNOUNCES = 150;

test(`${KILLS} times one after the other a random instance is killed and started again, and nothing is lost`, (t) =>
  underLoad(t, {}, async (stage) => {
    for (let kill = 0; kill < KILLS; kill++) {
      const victim = stage.alive[randomInt(stage.alive.length)];
      await victim.kill();
      await stage.load.acknowledges(randomInt(MOST_ANNOUNCES));
      await victim.start();
      await stage.load.acknowledges(randomInt(MOST_ANNOUNCES));
    }
    await stage.voters(3);
    t.diagnostic(`${stage.load.acknowledged} announces, at most ${stage.watch.longestSilenceMs} ms without an answer`);
  }));
