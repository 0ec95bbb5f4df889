import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { AppliedIndex } from './applied-index.ts';

describe('the index that was applied', () => {
  test('is where it began until it is advanced', () => {
    const applied = new AppliedIndex(7n);
    assert.equal(applied.value, 7n);
    applied.advance(9n);
    assert.equal(applied.value, 9n);
  });

  test('is reached at once when it is behind', async () => {
    const applied = new AppliedIndex(7n);
    await applied.reached(6n);
    await applied.reached(7n);
  });

  test('lets those wait who want more, and each just as long as it must', async () => {
    const applied = new AppliedIndex(0n);
    const reached: string[] = [];
    const wait = async (name: string, index: bigint) => {
      await applied.reached(index);
      reached.push(name);
    };
    const all = [wait('far', 9n), wait('near', 3n), wait('near too', 3n), wait('between', 5n)];
    await nextTurn();
    assert.deepEqual(reached, []);
    applied.advance(2n);
    await nextTurn();
    assert.deepEqual(reached, []);
    applied.advance(4n);
    await nextTurn();
    assert.deepEqual(reached, ['near', 'near too']);
    applied.advance(100n);
    await Promise.all(all);
    assert.deepEqual(reached, ['near', 'near too', 'far', 'between']);
  });
});
