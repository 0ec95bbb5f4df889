import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { REPLAY_WINDOW } from './bounds.ts';
import { ReplayWindow } from './replay-window.ts';

test('a counter is accepted exactly once, and never when it is old', () => {
  const step = fc.oneof(fc.record({ counter: fc.nat({ max: 300 }) }), fc.record({ raise: fc.nat({ max: 300 }) }));
  fc.assert(
    fc.property(fc.nat({ max: 50 }), fc.array(step, { maxLength: 400 }), (floor, steps) => {
      const window = new ReplayWindow(floor);
      const heard = new Set<number>();
      let [lowest, newest] = [floor, floor];
      for (const each of steps) {
        if ('raise' in each) {
          window.raise(each.raise);
          lowest = Math.max(lowest, each.raise);
          continue;
        }
        const { counter } = each;
        const isNew = counter > lowest && counter > newest - REPLAY_WINDOW && !heard.has(counter);
        assert.equal(window.accept(counter), isNew, `${counter} above ${lowest}, newest ${newest}`);
        if (isNew) heard.add(counter);
        newest = Math.max(newest, isNew ? counter : newest);
      }
    }),
  );
});

test('datagrams that overtake each other are all heard', () => {
  const window = new ReplayWindow(1_000);
  for (const counter of [1_003, 1_001, 1_002, 1_005, 1_004]) assert.ok(window.accept(counter));
});

test('what was held back is worth nothing once its sender has proven to be further', () => {
  const window = new ReplayWindow(0);
  assert.ok(window.accept(1));
  window.raise(40);
  assert.ok(!window.accept(30));
  assert.ok(window.accept(41));
});
