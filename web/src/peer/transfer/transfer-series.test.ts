import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SAMPLE_MS } from '../../../../src/api/peer/peer-schemas.ts';
import { SAMPLE_SECONDS, seriesOf } from './transfer-series.ts';

test('each sample has its second, the last one that of the answer', () => {
  assert.equal(SAMPLE_SECONDS * 1_000, SAMPLE_MS);
  const series = seriesOf({
    at: 10_000,
    samples: [
      [1, 2],
      [3, 4],
    ],
    downloaded: 4,
    uploaded: 6,
  });
  assert.deepEqual(series, [
    [9, 10],
    [1, 3],
    [2, 4],
  ]);
});
