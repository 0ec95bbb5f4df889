/** Gaps in milliseconds, summed up. */
import { median } from '../median.ts';

export interface Distribution {
  count: number;
  median: number;
  p90: number;
  /** With fewer than a hundred values the greatest one. */
  p99: number;
  max: number;
}

export function distributionOf(values: readonly number[]): Distribution {
  const sorted = [...values].sort((a, b) => a - b);
  // Nearest rank: a value that was seen, rather the greater one.
  const rank = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
  return { count: sorted.length, median: median(sorted), p90: rank(0.9), p99: rank(0.99), max: rank(1) };
}
