import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatBytes, formatRate } from './bytes.ts';

test('bytes are shown with three digits and the unit that fits', () => {
  const cases: [number, string][] = [
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '0.98 KiB'],
    [2_000, '1.95 KiB'],
    [20 * 1024 ** 2, '20.0 MiB'],
    [200 * 1024 ** 3, '200 GiB'],
    [999.6 * 1024, '0.98 MiB'],
    [Number.MAX_SAFE_INTEGER, '8.00 PiB'],
  ];
  for (const [bytes, shown] of cases) assert.equal(formatBytes(bytes), shown);
  assert.equal(formatRate(1_536), '1.50 KiB/s');
});

test('no size takes more than four digits', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: Number.MAX_SAFE_INTEGER, noNaN: true }), (bytes) => {
      assert.match(formatBytes(bytes), /^(\d\.\d\d|\d\d\.\d|\d{1,3}) [KMGTPE]?i?B$/);
    }),
  );
});
