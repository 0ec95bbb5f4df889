import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAgo, formatDuration, formatLatency } from './durations.ts';

const HOUR = 3_600_000;

test('a duration shows its two largest units', () => {
  const cases: [number, string][] = [
    [-5, '0 s'],
    [999, '0 s'],
    [45_900, '45 s'],
    [60_000, '1 min'],
    [125_000, '2 min 5 s'],
    [3 * HOUR + 10 * 60_000 + 59_000, '3 h 10 min'],
    [26 * HOUR, '1 d 2 h'],
    [300 * HOUR, '12 d'],
  ];
  for (const [ms, shown] of cases) assert.equal(formatDuration(ms), shown);
});

test('the past is told in one unit', () => {
  assert.deepEqual([-1, 4_000, 20_000, 300_000, 5 * HOUR, 50 * HOUR].map(formatAgo), [
    'just now',
    'just now',
    '20 s ago',
    '5 min ago',
    '5 h ago',
    '2 d ago',
  ]);
});

test('latencies run from microseconds to seconds', () => {
  assert.deepEqual([0, 0.004, 0.123, 0.999, 4.54, 9.97, 120, 999.6, 3_240, 12_000].map(formatLatency), [
    '0 ms',
    '0.00 ms',
    '0.12 ms',
    '1.0 ms',
    '4.5 ms',
    '10 ms',
    '120 ms',
    '1.0 s',
    '3.2 s',
    '12 s',
  ]);
});
