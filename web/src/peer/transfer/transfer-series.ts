import type { TransferView } from '../../../../src/api/peer/peer-schemas.ts';

/** As SAMPLE_MS of the API. */
export const SAMPLE_SECONDS = 1;

/** What the chart shows: Unix time in seconds, bytes a second received, and sent. */
export function seriesOf({ at, samples }: TransferView): [number[], number[], number[]] {
  const end = at / 1_000;
  return [
    samples.map((_, i) => end - (samples.length - 1 - i) * SAMPLE_SECONDS),
    samples.map(([received]) => received / SAMPLE_SECONDS),
    samples.map(([, sent]) => sent / SAMPLE_SECONDS),
  ];
}
