import { noiseLines } from '../cpu-use.ts';
import { type Disk, diskLine } from '../disk.ts';
import { type Machine, machineLine } from '../machine.ts';
import { median } from '../median.ts';
import { aligned, format } from '../table.ts';
import { type Target, type Verdict, verdictLines, verdictOf } from '../target.ts';
import { aria2 } from './aria2.ts';
import { copy } from './copy.ts';
import { libtorrent } from './libtorrent.ts';
import type { Recheck } from './recheck.ts';
import { swarmkeeper } from './swarmkeeper.ts';
import { transmission } from './transmission.ts';
import type { Transfer } from './trial.ts';
import { webtorrent } from './webtorrent.ts';

/** What can be asked for: all systems to themselves, from their seeders to us, one to three, small files, a re-check. */
export const PARTS = ['own', 'theirs', 'three', 'small', 'recheck'] as const;
export type Part = (typeof PARTS)[number];
export type TransferPart = Exclude<Part, 'recheck'>;

/** One round: by part, then by the system that sends. What failed is missing. */
export interface Round {
  readonly transfers: Partial<Record<TransferPart, Record<string, Transfer>>>;
  recheck?: Recheck;
}

export interface Results {
  readonly machine: Machine;
  readonly disk: Disk;
  readonly rounds: readonly Round[];
  readonly verdicts: readonly Verdict[];
  readonly problems: readonly string[];
  /** Share of a core that others used. */
  readonly others: number;
}

const MB = 1e6;
/** Memory is promised for a download of so many bytes. */
const PROMISED_BYTES = 2 ** 30;

interface RoundTarget extends Target {
  value(round: Round): number | undefined;
}

const speed = (round: Round, part: TransferPart, system: string) => round.transfers[part]?.[system]?.mibPerSecond;

function quotient(above: number | undefined, below: number | undefined): number | undefined {
  return above !== undefined && below !== undefined ? above / below : undefined;
}

function faster(part: 'own' | 'three', title: string, rival: string, bound: number): RoundTarget {
  return {
    text: `${title}: ours / ${rival}`,
    bound,
    atLeast: true,
    value: (round) => quotient(speed(round, part, swarmkeeper.name), speed(round, part, rival)),
  };
}

function noSlower(rival: string): RoundTarget {
  return {
    text: `from ${rival}: to us / to ${rival}`,
    bound: 1,
    atLeast: true,
    value: (round) => quotient(speed(round, 'theirs', rival), speed(round, 'own', rival)),
  };
}

/** How many times as fast as each rival ours must be among themselves. */
const FASTER_THAN: readonly [string, number][] = [
  [libtorrent.name, 2],
  [aria2.name, 3],
  [webtorrent.name, 3],
  [transmission.name, 1],
];

function targets(bytes: number): RoundTarget[] {
  return [
    ...FASTER_THAN.map(([rival, bound]) => faster('own', 'one to one', rival, bound)),
    ...FASTER_THAN.map(([rival, bound]) => faster('three', 'one to three', rival, bound)),
    ...FASTER_THAN.map(([rival]) => noSlower(rival)),
    { text: 're-check, MiB/s', bound: 1_000, atLeast: true, value: ({ recheck }) => recheck?.mibPerSecond },
    {
      text: 'memory of a download of 1 GiB, MB',
      bound: 200,
      atLeast: false,
      value: ({ transfers }) => {
        const used = transfers.own?.[swarmkeeper.name]?.leecherBytes;
        return used === undefined || bytes < PROMISED_BYTES ? undefined : used / MB;
      },
    },
    {
      text: '10,000 small files, times as long as one big',
      bound: 1.5,
      atLeast: false,
      value: (round) => quotient(speed(round, 'own', swarmkeeper.name), speed(round, 'small', swarmkeeper.name)),
    },
  ];
}

/** @param bytes of the content */
export function judge(rounds: readonly Round[], bytes: number): Verdict[] {
  return targets(bytes).flatMap((target) => {
    const values = rounds.map(target.value).filter((one) => one !== undefined);
    return values.length === 0 ? [] : [verdictOf(target, median(values))];
  });
}

const TITLES: Readonly<Record<TransferPart, string>> = {
  own: 'one to one',
  theirs: 'theirs to us',
  three: 'one to three, each',
  small: '10,000 files',
};

/** Medians of the rounds in a table, then the targets. */
export function asText({ machine, disk, rounds, verdicts, problems, others }: Results): string {
  const head = ['', 'sender', 'MiB/s', 'seconds', 'on disk after', 'leecher MB', 'seeder MB'];
  const lines = (Object.keys(TITLES) as TransferPart[]).flatMap((part) => {
    const senders = new Set(rounds.flatMap(({ transfers }) => Object.keys(transfers[part] ?? {})));
    return [...senders].map((sender) => lineOf(part, sender, rounds));
  });
  const rechecks = rounds.flatMap(({ recheck }) => recheck ?? []);
  return [
    machineLine(machine),
    diskLine(disk),
    `medians of ${rounds.length} interleaved rounds`,
    '',
    ...aligned([head, ...lines], 2),
    ...limitLines(rounds),
    ...(rechecks.length === 0 ? [] : ['', recheckLine(rechecks)]),
    '',
    ...verdictLines(verdicts),
    ...noiseLines(others),
    ...problems.map((problem) => `WRONG: ${problem}`),
  ].join('\n');
}

function lineOf(part: TransferPart, sender: string, rounds: readonly Round[]): string[] {
  const all = rounds.flatMap(({ transfers }) => transfers[part]?.[sender] ?? []);
  const cell = (value: (transfer: Transfer) => number, digits: number) => format(median(all.map(value)), digits);
  return [
    TITLES[part],
    sender,
    cell(({ mibPerSecond }) => mibPerSecond, 0),
    cell(({ seconds }) => seconds, 2),
    cell(({ durableSeconds }) => durableSeconds, 2),
    cell(({ leecherBytes }) => leecherBytes / MB, 0),
    cell(({ seederBytes }) => seederBytes / MB, 0),
  ];
}

/** What share of the speed of a bare copy ours is. */
function limitLines(rounds: readonly Round[]): string[] {
  const lines = (['own', 'three'] as const).flatMap((part) => {
    const values = rounds
      .map((round) => quotient(speed(round, part, swarmkeeper.name), speed(round, part, copy.name)))
      .filter((one) => one !== undefined);
    return values.length === 0 ? [] : [`${TITLES[part]}: ours / a bare copy ${format(median(values), 2)}`];
  });
  return lines.length === 0 ? [] : ['', ...lines];
}

function recheckLine(all: readonly Recheck[]): string {
  const [speed, peak] = [median(all.map((one) => one.mibPerSecond)), median(all.map((one) => one.peakBytes))];
  return `re-check: ${format(speed, 0)} MiB/s, ${format(peak / MB, 0)} MB`;
}
