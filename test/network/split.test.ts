import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sourcesAfter } from './cuts.ts';
import { missingForLan } from './lan.ts';
import { underLoadOnLan } from './lan-place.ts';

const SPLIT_MS = 1_500;

describe('five members, split in two and three', { skip: missingForLan() }, () => {
  test('a master among the two is replaced by one of the three; all follow that one when they are together again', (t) =>
    underLoadOnLan(t, 5, async (stage, lan) => {
      const old = await stage.master();
      const [companion, ...three] = lan.names.filter((name) => name !== old.name);
      const two = [old.name, companion];
      await lan.set(two, three, { block: 'everything' });
      await lan.set(three, two, { block: 'everything' });
      const split = sleep(SPLIT_MS);
      const later = await sourcesAfter(stage, old);
      await stage.serves();
      await split;
      const ofTheThree = three.map((name) => stage.member(name).clientPort);
      const fromThem = later().every((port) => ofTheThree.includes(port));
      assert.ok(fromThem, `behind those of ${old.clientPort}, answers came from ${later().join(', ')}`);
      await lan.heal();
      await stage.voters(5);
      t.diagnostic(`nobody answered for ${stage.watch.longestSilenceMs} ms`);
    }));
});
