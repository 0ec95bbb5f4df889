/** The results as text, and what the project's targets make of them. */
import { noiseLines } from '../cpu-use.ts';
import { type Disk, diskLine } from '../disk.ts';
import { type Machine, machineLine } from '../machine.ts';
import { aligned, format } from '../table.ts';
import { type Target, type Verdict, verdictLines, verdictOf } from '../target.ts';
import { type Distribution, distributionOf } from './distribution.ts';
import { FAULTS } from './faults.ts';
import { swarmkeeper } from './swarmkeeper.ts';
import type { Trial } from './trial.ts';

/** A client that was later than this with a request saw a longer gap than there was. */
const NOISY_LATE_MS = 20;

export interface Results {
  machine: Machine;
  disk: Disk;
  trials: readonly TrialOf[];
  /** One for each system, fault and view. */
  rows: Row[];
  verdicts: Verdict[];
  problems: string[];
  /** Share of one core. */
  others: number;
}

export interface TrialOf extends Trial {
  system: string;
}

export interface Row extends Distribution {
  system: string;
  fault: string;
  view: string;
}

export function rowsOf(trials: readonly TrialOf[]): Row[] {
  const groups = new Map<string, { key: Pick<Row, 'system' | 'fault' | 'view'>; values: number[] }>();
  for (const { system, fault, gaps } of trials) {
    for (const { view, gapMs } of gaps) {
      const name = [fault, system, view].join();
      const group = groups.get(name) ?? { key: { system, fault, view }, values: [] };
      groups.set(name, group);
      group.values.push(gapMs);
    }
  }
  const order = Object.values(FAULTS).map(({ name }) => name as string);
  return [...groups.values()]
    .map(({ key, values }) => ({ ...key, ...distributionOf(values) }))
    .sort((a, b) => order.indexOf(a.fault) - order.indexOf(b.fault));
}

interface FaultTarget extends Target {
  fault: string;
  value: 'median' | 'p99';
}

function target(fault: string, value: 'median' | 'p99', bound: number): FaultTarget {
  return { text: `${fault}, ${value}, ms`, bound, atLeast: false, fault, value };
}

const TARGETS: FaultTarget[] = [
  target(FAULTS.kill.name, 'median', 150),
  target(FAULTS.kill.name, 'p99', 500),
  target(FAULTS.stop.name, 'median', 500),
  target(FAULTS.stop.name, 'p99', 1000),
  target(FAULTS.terminate.name, 'median', 30),
  target(FAULTS['step-down'].name, 'median', 30),
];

/** Of the two views the worse one counts. */
export function judge(rows: readonly Row[]): Verdict[] {
  return TARGETS.flatMap((one) => {
    const own = rows.filter(({ system, fault }) => system === swarmkeeper.name && fault === one.fault);
    return own.length === 0 ? [] : [verdictOf(one, Math.max(...own.map((row) => row[one.value])))];
  });
}

export function problemsOf({ system, fault, gaps }: TrialOf): string[] {
  return gaps
    .filter(({ repeated }) => repeated > 0)
    .map(({ view, repeated }) => `${system}, ${fault}, ${view}: ${repeated} requests were answered more than once`);
}

export function asText({ machine, disk, trials, rows, verdicts, problems, others }: Results): string {
  const table = [
    ['fault', 'system', 'asked', 'faults', 'median ms', 'p90', 'p99', 'max', 'x ours'],
    ...rows.map((row) => [
      row.fault,
      row.system,
      row.view,
      `${row.count}`,
      ...[row.median, row.p90, row.p99, row.max].map((value) => format(value, 0)),
      compared(row, rows),
    ]),
  ];
  return [
    machineLine(machine),
    diskLine(disk),
    '',
    ...aligned(table, 3),
    '',
    ...verdictLines(verdicts),
    ...noiseLines(others),
    ...lateLines(trials),
    ...problems.map((problem) => `WRONG: ${problem}`),
  ].join('\n');
}

/** A gap holds the time for which the clients themselves were held up. */
function lateLines(trials: readonly TrialOf[]): string[] {
  const late = trials.filter(({ clientLateMs }) => clientLateMs > NOISY_LATE_MS);
  if (late.length === 0) return [];
  const worstMs = format(Math.max(...late.map(({ clientLateMs }) => clientLateMs)), 0);
  return [
    `NOISY: in ${late.length} of ${trials.length} faults the clients were late themselves, by up to ${worstMs} ms`,
  ];
}

/** Its median against the greatest of ours. */
function compared({ system, fault, median }: Row, rows: readonly Row[]): string {
  const ours = rows.filter((row) => row.system === swarmkeeper.name && row.fault === fault).map((row) => row.median);
  return system === swarmkeeper.name || ours.length === 0 ? '' : `${format(median / Math.max(...ours), 1)} x`;
}
