/** What the project wants to reach, and whether a run reached it. */
import { aligned, format } from './table.ts';

export interface Target {
  text: string;
  bound: number;
  atLeast: boolean;
}

export interface Verdict {
  target: string;
  value: number;
  bound: number;
  met: boolean;
}

export function verdictOf({ text, bound, atLeast }: Target, value: number): Verdict {
  const met = atLeast ? value >= bound : value <= bound;
  return { target: `${text} ${atLeast ? '>=' : '<='} ${bound}`, value, bound, met };
}

export function verdictLines(verdicts: readonly Verdict[]): string[] {
  return aligned(
    verdicts.map(({ target, value, met }) => [met ? 'met' : 'MISSED', target, format(value, 2)]),
    2,
  );
}
