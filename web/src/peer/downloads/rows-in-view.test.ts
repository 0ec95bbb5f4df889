import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { rowsInView } from './rows-in-view.ts';

test('the rows in view are drawn, and a few on both sides', () => {
  assert.deepEqual(rowsInView(1_000, 50, 200, 1_000), { first: 0, end: 24 });
  assert.deepEqual(rowsInView(1_000, 50, -10_000, 1_000), { first: 192, end: 228 });
  assert.deepEqual(rowsInView(5, 50, 200, 1_000), { first: 0, end: 5 });
  assert.deepEqual(rowsInView(0, 50, 200, 1_000), { first: 0, end: 0 });
});

test('wherever the list stands, what is in view is drawn, and never much more', () => {
  const places = fc.record({
    count: fc.nat(10_000),
    top: fc.integer({ min: -700_000, max: 3_000 }),
    height: fc.integer({ min: 100, max: 2_000 }),
  });
  fc.assert(
    fc.property(places, ({ count, top, height }) => {
      const { first, end } = rowsInView(count, 64, top, height);
      assert.ok(first >= 0 && first <= end && end <= count);
      assert.ok(end - first <= Math.ceil(height / 64) + 18);
      for (let row = 0; row < count; row++) {
        const rowTop = top + row * 64;
        if (rowTop < height && rowTop + 64 > 0) assert.ok(row >= first && row < end, `row ${row}`);
      }
    }),
    { numRuns: 50 },
  );
});
