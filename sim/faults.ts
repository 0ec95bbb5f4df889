import type { Random } from './random.ts';

/** What one seed does to its cluster. Times in virtual milliseconds, rates between 0 and 1. */
export interface Scenario {
  readonly voters: number;
  /** Instances with an empty disk that ask to join, at random moments. */
  readonly joiners: number;
  readonly chaosMs: number;
  readonly network: {
    /** Ordered and without loss, as on TCP; otherwise every message is on its own. */
    readonly ordered: boolean;
    readonly delayMs: number;
    readonly loss: number;
    readonly duplicates: number;
    /** Share of messages that are held back for up to `strayMs`. */
    readonly strays: number;
    readonly strayMs: number;
  };
  readonly disk: { readonly delayMs: number };
  /** Clocks run at 1 - drift .. 1 + drift. */
  readonly drift: number;
  /** How late ticks may come. */
  readonly tickJitterMs: number;
  readonly proposeEveryMs: number;
  readonly keepLogBytes: number;
  readonly replaceAfterMs: number;
  /** Mean time between faults, and how often each kind is drawn. */
  readonly faultEveryMs: number;
  readonly faults: readonly Fault[];
  /** How likely it is that a crash is noticed by its closed connections. */
  readonly noticed: number;
}

export type Fault =
  | 'crash'
  | 'crash-all'
  | 'pause'
  | 'partition'
  | 'one-way'
  | 'link'
  | 'bounce'
  | 'isolate-master'
  | 'crash-master'
  | 'fsync-failure'
  | 'slow-disk'
  | 'wipe'
  | 'copy'
  | 'transfer'
  | 'remove';

const KINDS: readonly Fault[] = [
  'crash',
  'crash-all',
  'pause',
  'partition',
  'one-way',
  'link',
  'bounce',
  'isolate-master',
  'crash-master',
  'fsync-failure',
  'slow-disk',
  'wipe',
  'copy',
  'transfer',
  'remove',
];

/** Every seed has its own mix: most kinds of fault are absent from most seeds, so that each shows its effects. */
export function drawScenario(random: Random): Scenario {
  const rough = random.chance(0.6);
  return {
    voters: random.pick([1, 3, 3, 3, 3, 5, 5]),
    joiners: random.pick([0, 0, 1, 2, 2, 3]),
    chaosMs: random.between(4_000, 12_000),
    network: {
      ordered: random.chance(0.4),
      delayMs: random.pick([0.2, 1, 5, 20]),
      loss: rough ? random.pick([0, 0.01, 0.1, 0.2]) : 0,
      duplicates: rough ? random.pick([0, 0.05, 0.2]) : 0,
      strays: rough ? random.pick([0, 0.01, 0.1]) : 0,
      strayMs: random.pick([20, 200, 2_000]),
    },
    disk: { delayMs: random.pick([0.3, 2, 10, 30]) },
    drift: random.pick([0, 0.01, 0.05]),
    tickJitterMs: random.pick([0, 5, 20]),
    proposeEveryMs: random.pick([3, 10, 30, 100, 2_000]),
    keepLogBytes: random.pick([7_000, 70_000, 10_000_000]),
    replaceAfterMs: random.pick([1_000, 3_000, 60_000]),
    faultEveryMs: random.pick([100, 300, 800]),
    faults: KINDS.filter(() => random.chance(0.4)),
    noticed: random.pick([0, 0.5, 1]),
  };
}
