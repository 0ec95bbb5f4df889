/**
 * Counts of durations, each bucket a fifth wider than the one before: what matters is the order of magnitude, and counting is one addition. The
 * counts only grow; who reads them takes the difference of two readings.
 *
 * Bucket `b` counts durations below 2^((b+1)/4) microseconds that bucket `b - 1` does not; the last one all that are longer.
 */
export const LATENCY_BUCKETS = 96;

const BUCKETS_PER_DOUBLING = 4;

/** The bucket of a duration in milliseconds. */
export function latencyBucket(ms: number): number {
  if (!(ms > 0.001)) return 0;
  return Math.min(Math.floor(BUCKETS_PER_DOUBLING * Math.log2(ms * 1_000)), LATENCY_BUCKETS - 1);
}

/**
 * The duration in milliseconds, within a tenth, that `share` (0 to 1) of those counted do not exceed; null if nothing was
 * counted.
 */
export function latencyPercentile(counts: ArrayLike<number>, share: number): number | null {
  let total = 0;
  for (let bucket = 0; bucket < counts.length; bucket++) total += counts[bucket];
  if (total === 0) return null;
  let below = 0;
  for (let bucket = 0; bucket < counts.length; bucket++) {
    below += counts[bucket];
    if (below >= share * total) return 2 ** ((bucket + 0.5) / BUCKETS_PER_DOUBLING) / 1_000;
  }
  return null;
}
