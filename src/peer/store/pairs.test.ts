import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Pairs } from './pairs.ts';

/** Pairs of numbers, and how they were brought together so far. */
function pairs(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const acts: number[][] = [];
  let now = 0;
  const numbers = new Pairs<number, number>(
    async (items) => {
      acts.push([...items]);
      if (items.includes(13)) throw new Error('unlucky');
      return items.map((item) => 2 * item);
    },
    () => now,
  );
  const wait = (ms: number) => {
    for (let passed = 0; passed < ms; passed++) {
      now++;
      t.mock.timers.tick(1);
    }
  };
  return { numbers, acts, wait };
}

describe('What comes one by one', () => {
  it('is done in twos, each answered for itself', async (t) => {
    const { numbers, acts } = pairs(t);
    assert.deepEqual(await Promise.all([1, 2, 3, 4].map((item) => numbers.add(item))), [2, 4, 6, 8]);
    assert.deepEqual(acts, [
      [1, 2],
      [3, 4],
    ]);
  });

  it('is done alone soon where others seldom come', async (t) => {
    const { numbers, acts, wait } = pairs(t);
    for (const item of [1, 2, 3]) {
      const answer = numbers.add(item);
      wait(3);
      assert.equal(await answer, 2 * item);
      wait(100);
    }
    assert.deepEqual(acts, [[1], [2], [3]]);
  });

  it('waits longer for another where they come quickly, but not for ever', async (t) => {
    const { numbers, acts, wait } = pairs(t);
    for (let item = 20; item < 60; item++) {
      void numbers.add(item);
      wait(7);
    }
    assert.ok(acts.slice(-10).every((items) => items.length === 2));
    const last = numbers.add(1);
    wait(20);
    assert.equal(await last, 2);
  });

  it('fails together', async (t) => {
    const { numbers } = pairs(t);
    const both = await Promise.allSettled([numbers.add(1), numbers.add(13)]);
    assert.deepEqual(
      both.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    assert.deepEqual(await Promise.all([numbers.add(3), numbers.add(4)]), [6, 8]);
  });
});
