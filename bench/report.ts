/** The results as text. */
import { NOISY_SHARE } from './cpu-use.ts';
import { type Disk, diskLine } from './disk.ts';
import { type Machine, machineLine } from './machine.ts';
import type { Measurement } from './measure.ts';
import { median } from './median.ts';
import { aligned, format } from './table.ts';
import { type Verdict, verdictLines } from './target.ts';
import { capacity, type Round } from './verdict.ts';

export interface Results {
  machine: Machine;
  disk: Disk;
  rounds: Round[];
  verdicts: Verdict[];
  problems: string[];
}

interface Column {
  title: string;
  digits: number;
  value(measurement: Measurement): number | undefined;
}

const COLUMNS: Column[] = [
  { title: 'peers', digits: 0, value: (m) => m.population.peers },
  { title: 'arrivals/s', digits: 0, value: (m) => m.arrivals?.perSecond },
  { title: 'steady/s', digits: 0, value: (m) => m.steady?.perSecond },
  { title: 'HTTP/s', digits: 0, value: (m) => m.http?.perSecond },
  { title: 'HTTP/s possible', digits: 0, value: (m) => m.http && capacity(m.http) },
  { title: 'p50 ms', digits: 2, value: (m) => m.latency && m.latency.p50Us / 1e3 },
  { title: 'p99 ms', digits: 2, value: (m) => m.latency && m.latency.p99Us / 1e3 },
  { title: 'empty MB', digits: 0, value: (m) => m.memory && m.memory.empty / 1e6 },
  { title: 'full MB', digits: 0, value: (m) => m.memory && m.memory.full / 1e6 },
  { title: 'bytes/peer', digits: 0, value: (m) => m.memory && (m.memory.full - m.memory.empty) / m.population.peers },
  { title: 'restart s', digits: 2, value: (m) => m.restart?.seconds },
  { title: 'load idle %', digits: 0, value: (m) => m.steady && m.steady.loadIdle * 100 },
  { title: 'server busy %', digits: 0, value: (m) => m.steady && m.steady.serverBusy * 100 },
];

/** Wrong answers of one measurement; a benchmark with any is worth nothing. */
export function problemsOf(name: string, measurement: Measurement): string[] {
  const { arrivals, steady, http, latency, census, restart } = measurement;
  const parts = { arrivals, steady, http, latency, verify: census, 'verify after restart': restart?.census };
  return Object.entries(parts)
    .filter(([, result]) => result?.ok === false)
    .map(([part, result]) => `${name}, ${part}: ${JSON.stringify(result)}`);
}

/** Medians of the rounds in a table, then the targets. */
export function asText({ machine, disk, rounds, verdicts, problems }: Results): string {
  const names = [...new Set(rounds.flatMap((round) => [...round.keys()]))];
  const columns = COLUMNS.filter(({ value }) => rounds.some((round) => [...round.values()].some((m) => value(m))));
  const table = [
    ['', ...columns.map(({ title }) => title)],
    ...names.map((name) => [name, ...columns.map((column) => cell(column, rounds, name))]),
  ];
  return [
    machineLine(machine),
    diskLine(disk),
    `medians of ${rounds.length} interleaved rounds`,
    '',
    ...aligned(table, 1),
    '',
    ...verdictLines(verdicts),
    ...noiseNote(rounds),
    ...problems.map((problem) => `WRONG: ${problem}`),
  ].join('\n');
}

/** The load spins, so whatever it did not get of its core went to others; what the server got is counted. */
function noiseNote(rounds: readonly Round[]): string[] {
  const measured = rounds.flatMap((round) => [...round.values()]).flatMap((m) => [m.steady, m.http, m.latency]);
  const shares = measured.flatMap((m) => (m ? [m.loadHeldUp ?? 0, m.othersOnServerCore] : []));
  const worst = Math.max(0, ...shares);
  if (worst < NOISY_SHARE) return [];
  return [`NOISY: others took up to ${format(worst * 100, 0)} % of a core; repeat on a quiet machine`];
}

function cell({ value, digits }: Column, rounds: readonly Round[], name: string): string {
  const measured = rounds.flatMap((round) => round.get(name) ?? []);
  const values = measured.map(value).filter((one) => one !== undefined);
  return values.length === 0 ? '-' : format(median(values), digits);
}
