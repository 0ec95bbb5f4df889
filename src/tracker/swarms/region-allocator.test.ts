import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RegionAllocator, SMALLEST_ORDER } from './region-allocator.ts';

const UNITS = 1024;

test('regions never overlap, whatever is allocated and freed', () => {
  const step = fc.record({ order: fc.integer({ min: SMALLEST_ORDER, max: 7 }), free: fc.nat() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const allocator = new RegionAllocator(UNITS);
      const owned: { start: number; order: number }[] = [];
      for (const { order, free } of steps) {
        if (free % 3 === 0 && owned.length > 0) {
          const [region] = owned.splice(free % owned.length, 1);
          allocator.free(region.start, region.order);
          continue;
        }
        const start = allocator.allocate(order);
        if (start < 0) continue;
        const end = start + 2 ** order;
        assert.equal(start % 2 ** order, 0);
        assert.ok(end <= UNITS);
        for (const other of owned) assert.ok(end <= other.start || start >= other.start + 2 ** other.order);
        owned.push({ start, order });
      }
      for (const { start, order } of owned) allocator.free(start, order);
      let whole = 0;
      while (allocator.allocate(7) >= 0) whole++;
      assert.equal(whole, UNITS / 2 ** 7, 'what was given back does not join to large regions again');
    }),
  );
});

test('the order for a number of units is the smallest that holds them', () => {
  for (let units = 1; units <= 70; units++) {
    const order = RegionAllocator.orderFor(units);
    assert.ok(2 ** order >= units);
    assert.ok(order === SMALLEST_ORDER || 2 ** (order - 1) < units);
  }
});
