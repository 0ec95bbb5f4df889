import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LATENCY_BUCKETS, latencyBucket, latencyPercentile } from './latency.ts';

test('a percentile is within a fifth of the duration that it stands for', () => {
  const durations = fc.array(fc.double({ min: 0.0015, max: 10_000, noNaN: true }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(durations, fc.constantFrom(0.5, 0.9, 0.99, 1), (all, share) => {
      const counts = new Float64Array(LATENCY_BUCKETS);
      for (const ms of all) counts[latencyBucket(ms)]++;
      const exact = all.toSorted((a, b) => a - b)[Math.ceil(share * all.length) - 1];
      const told = latencyPercentile(counts, share)!;
      assert.ok(told / exact < 1.2 && exact / told < 1.2, `${told} for ${exact}`);
    }),
  );
});

test('every duration has a bucket, and nothing counted has no percentile', () => {
  for (const ms of [-1, 0, Number.NaN, 1e-9, 1e12, Number.POSITIVE_INFINITY]) {
    const bucket = latencyBucket(ms);
    assert.ok(bucket >= 0 && bucket < LATENCY_BUCKETS, `${ms}`);
  }
  assert.equal(latencyPercentile(new Float64Array(LATENCY_BUCKETS), 0.5), null);
});
