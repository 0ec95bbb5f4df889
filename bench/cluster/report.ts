/** The results as text, and what the project's targets make of them. */
import { noiseLines } from '../cpu-use.ts';
import { type Disk, diskLine } from '../disk.ts';
import type { Population } from '../load.ts';
import { type Machine, machineLine } from '../machine.ts';
import type { Measurement } from '../measure.ts';
import { aligned, format } from '../table.ts';
import { type Verdict, verdictLines, verdictOf } from '../target.ts';
import type { ClusterMeasurement } from './measure.ts';

export interface Results {
  machine: Machine;
  disk: Disk;
  population: Population;
  /** Missing where it failed. */
  cluster?: ClusterMeasurement;
  opentracker?: Measurement;
  verdicts: Verdict[];
  problems: string[];
  /** Share of one core. */
  others: number;
}

export type Measured = Pick<Results, 'population' | 'cluster' | 'opentracker'>;

/** Catching up and restarting are promised for one million peers; with fewer they prove nothing. */
const PROMISED_PEERS = 1_000_000;

const atLeast = (text: string, bound: number) => ({ text, bound, atLeast: true });
const atMost = (text: string, bound: number) => ({ text, bound, atLeast: false });

/** One line for each target that was measured. */
export function judge({ population, cluster, opentracker }: Measured): Verdict[] {
  const { arrivals, steady, restart, join, census } = cluster ?? {};
  const promised = population.peers >= PROMISED_PEERS;
  const lone = opentracker?.steady;
  return [
    steady && lone && verdictOf(atLeast('steady / opentracker', 1), steady.perSecond / lone.perSecond),
    arrivals && verdictOf(atLeast('arrivals durable on a quorum, /s', 25_000), arrivals.perSecond),
    join && promised && verdictOf(atMost('newcomer caught up, s', 5), join.seconds),
    join && verdictOf(atLeast("master's rate meanwhile / before", 0.8), join.rateDuring / join.rateBefore),
    restart && promised && verdictOf(atMost('all killed, answering again, s', 3), restart.seconds),
    census && verdictOf(atMost('acknowledged peers lost', 0), census.missing + (restart?.census.missing ?? 0)),
  ].filter((verdict) => typeof verdict === 'object');
}

/** Wrong answers and replicas that differ; a benchmark with any is worth nothing. */
export function problemsOf({ cluster, opentracker }: Measured): string[] {
  const { arrivals, steady, throughSlave, join, census, restart, stateHashes = [], unsettled = [] } = cluster ?? {};
  const parts = { arrivals, steady, 'through a slave': throughSlave, join: join?.load, verify: census };
  const wrong = Object.entries({ ...parts, 'verify after restart': restart?.census, opentracker: opentracker?.steady })
    .filter(([, result]) => result?.ok === false)
    .map(([part, result]) => `${part}: ${JSON.stringify(result)}`);
  if (new Set(stateHashes).size > 1) wrong.push(`state hashes differ: ${stateHashes.join(', ')}`);
  return [...wrong, ...unsettled.map((phase) => `${phase}: mastership changed although nobody was killed`)];
}

export function asText(results: Results): string {
  const { machine, disk, population, cluster, opentracker, verdicts, problems, others } = results;
  const rows: [string, number | undefined, number][] = [
    ['opentracker alone: steady/s', opentracker?.steady?.perSecond, 0],
    ['steady/s at the master', cluster?.steady?.perSecond, 0],
    ['steady/s through a slave', cluster?.throughSlave?.perSecond, 0],
    ['opentracker alone: arrivals/s', opentracker?.arrivals?.perSecond, 0],
    ['arrivals/s', cluster?.arrivals.perSecond, 0],
    ['newcomer: listening after s', cluster?.join?.listeningSeconds, 2],
    ['newcomer: caught up after s', cluster?.join?.seconds, 2],
    ['steady/s at the master before', cluster?.join?.rateBefore, 0],
    ['steady/s at the master meanwhile', cluster?.join?.rateDuring, 0],
    ['the same, worst 100 ms', cluster?.join?.rateWorst, 0],
    ['all killed: first answer after s', cluster?.restart?.seconds, 2],
    ['all killed: answers everywhere after s', cluster?.restart?.everywhereSeconds, 2],
  ];
  const table = rows.flatMap(([text, value, digits]) => (value === undefined ? [] : [[text, format(value, digits)]]));
  return [
    machineLine(machine),
    diskLine(disk),
    `three instances, ${format(population.peers, 0)} peers in ${format(population.hashes, 0)} swarms`,
    '',
    ...aligned(table, 1),
    '',
    ...verdictLines(verdicts),
    ...noiseLines(others),
    ...problems.map((problem) => `WRONG: ${problem}`),
  ].join('\n');
}
