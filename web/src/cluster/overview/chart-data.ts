import type { Sample } from '../../../../src/api/event-schemas.ts';

/** Samples come every second; where they are further apart the instance stood still, and no line is drawn. */
const GAP_MS = 3_000;

export type Measure = { [Key in keyof Sample]: Sample[Key] extends number | null ? Key : never }[keyof Sample];

/** Times in seconds, and the values of each measure at them; null in the middle of a gap. */
export function chartData(
  samples: readonly Sample[],
  measures: readonly Measure[],
): [number[], ...(number | null)[][]] {
  const times: number[] = [];
  const values: (number | null)[][] = measures.map(() => []);
  let lastAt = Number.POSITIVE_INFINITY;
  for (const sample of samples) {
    if (sample.at - lastAt > GAP_MS) {
      times.push((sample.at + lastAt) / 2_000);
      for (const row of values) row.push(null);
    }
    times.push(sample.at / 1_000);
    measures.forEach((measure, i) => {
      values[i].push(sample[measure]);
    });
    lastAt = sample.at;
  }
  return [times, ...values];
}
