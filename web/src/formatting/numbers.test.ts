import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatCompact, formatCount, formatPercent, formatPlural } from './numbers.ts';

test('counts have commas, and short ones a suffix', () => {
  assert.equal(formatCount(1_234_567), '1,234,567');
  assert.deepEqual([0, 0.4, 12.6, 9_999, 10_000, 1_234_567].map(formatCompact), [
    '0',
    '0.4',
    '13',
    '9,999',
    '10K',
    '1.23M',
  ]);
  assert.deepEqual([formatPlural(1, 'peer'), formatPlural(2_000, 'peer')], ['1 peer', '2,000 peers']);
});

test('100% means all and 0% means nothing', () => {
  assert.deepEqual([0, 1, 0.5].map(formatPercent), ['0%', '100%', '50.0%']);
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, minExcluded: true, maxExcluded: true, noNaN: true }), (share) => {
      assert.ok(!['0%', '100%', '0.0%', '100.0%'].includes(formatPercent(share)));
    }),
  );
});
