import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Sample } from '../../../../src/api/event-schemas.ts';
import { chartData } from './chart-data.ts';

const sample = (at: number, told: Partial<Sample>) => ({ at, ...told }) as Sample;

test('each measure is a row of values at the times of the samples', () => {
  const samples = [sample(1_000, { announces: 5, p50Ms: null }), sample(2_000, { announces: 7, p50Ms: 0.2 })];
  assert.deepEqual(chartData(samples, ['announces', 'p50Ms']), [
    [1, 2],
    [5, 7],
    [null, 0.2],
  ]);
  assert.deepEqual(chartData([], ['cpu']), [[], []]);
});

test('where the instance stood still there is a gap', () => {
  const samples = [sample(1_000, { cpu: 1 }), sample(4_000, { cpu: 2 }), sample(10_000, { cpu: 3 })];
  assert.deepEqual(chartData(samples, ['cpu']), [
    [1, 4, 7, 10],
    [1, 2, null, 3],
  ]);
});
