import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TrackerTiers } from './tracker-tiers.ts';

const tiersOf = (...sizes: number[]) =>
  sizes.map((size, tier) => Array.from({ length: size }, (_, i) => `${tier}.${i}`));

test('tiers stay in their order, each shuffled', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat({ max: 8 }), { maxLength: 6 }),
      fc.infiniteStream(fc.nat({ max: 999 })),
      (sizes, draws) => {
        const tiers = tiersOf(...sizes);
        const order = new TrackerTiers(tiers, () => draws.next().value / 1000).inOrder();
        const numbers = order.map((tracker) => Number.parseInt(tracker, 10));
        assert.deepEqual(
          numbers,
          numbers.toSorted((a, b) => a - b),
        );
        assert.deepEqual(order.toSorted(), tiers.flat().toSorted());
      },
    ),
  );
});

test('every order of a tier is drawn as often as any other', () => {
  const seen = new Map<string, number>();
  const draws = 6_000;
  for (let i = 0; i < draws; i++) {
    const order = new TrackerTiers(tiersOf(3), Math.random).inOrder().join();
    seen.set(order, (seen.get(order) ?? 0) + 1);
  }
  assert.equal(seen.size, 6);
  // Six standard deviations of a fair draw: 29 each.
  for (const times of seen.values()) assert.ok(Math.abs(times - draws / 6) < 6 * 29, `${[...seen]}`);
});

test('one that answers moves to the front of its tier, and the others keep their order', () => {
  const tiers = new TrackerTiers(
    [
      ['a', 'b', 'c'],
      ['d', 'e'],
    ],
    () => 0.999,
  );
  assert.deepEqual(tiers.inOrder(), ['a', 'b', 'c', 'd', 'e']);
  tiers.answered('c');
  tiers.answered('e');
  assert.deepEqual(tiers.inOrder(), ['c', 'a', 'b', 'e', 'd']);
  tiers.answered('x');
  assert.deepEqual(tiers.inOrder(), ['c', 'a', 'b', 'e', 'd']);
});
