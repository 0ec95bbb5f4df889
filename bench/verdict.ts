/** What the project wants to reach, and whether the rounds reached it. */
import type { Throughput } from './load.ts';
import type { Measurement } from './measure.ts';
import { median } from './median.ts';
import { bittorrentTracker } from './rivals/bittorrent-tracker.ts';
import { echo } from './rivals/echo.ts';
import { opentracker } from './rivals/opentracker.ts';
import { swarmkeeper } from './swarmkeeper.ts';
import { type Target, type Verdict, verdictOf } from './target.ts';

/** One round: what each server did, by its name. A server that failed is missing. */
export type Round = ReadonlyMap<string, Measurement>;

interface RoundTarget extends Target {
  /** The value of one round; `undefined` when it was not measured. */
  value(round: Round): number | undefined;
}

/** Memory and restart are promised for one million peers; with fewer they prove nothing. */
const PROMISED_PEERS = 1_000_000;

/** Below this share of idle time the load, not the server, may have been the limit. */
const LOAD_LIMITED_IDLE = 0.05;

const ours = (round: Round) => round.get(swarmkeeper.name);

function ratio(phase: 'arrivals' | 'steady' | 'http', rival: string) {
  return (round: Round) => {
    const mine = ours(round)?.[phase];
    const theirs = round.get(rival)?.[phase];
    return mine && theirs && mine.perSecond / capacity(theirs);
  };
}

function ofAMillion(value: (measurement: Measurement) => number | undefined) {
  return (round: Round) => {
    const measurement = ours(round);
    return measurement && measurement.population.peers >= PROMISED_PEERS ? value(measurement) : undefined;
  };
}

const TARGETS: RoundTarget[] = [
  { text: 'steady / opentracker', bound: 1.7, atLeast: true, value: ratio('steady', opentracker.name) },
  { text: 'steady / echo in C', bound: 0.85, atLeast: true, value: ratio('steady', echo.name) },
  { text: 'arrivals / opentracker', bound: 0.4, atLeast: true, value: ratio('arrivals', opentracker.name) },
  { text: 'HTTP / opentracker', bound: 0.6, atLeast: true, value: ratio('http', opentracker.name) },
  { text: 'HTTP / bittorrent-tracker', bound: 3, atLeast: true, value: ratio('http', bittorrentTracker.name) },
  {
    text: 'p99 at half of the steady rate, ms',
    bound: 5,
    atLeast: false,
    value: (round) => mapped(ours(round)?.latency, (latency) => latency.p99Us / 1e3),
  },
  {
    text: '1,000,000 peers above empty, MB',
    bound: 64,
    atLeast: false,
    value: ofAMillion(({ memory }) => mapped(memory, ({ empty, full }) => (full - empty) / 1e6)),
  },
  { text: 'restart after SIGKILL, s', bound: 2, atLeast: false, value: ofAMillion(({ restart }) => restart?.seconds) },
  { text: 'acknowledged peers lost', bound: 0, atLeast: false, value: lostPeers },
];

/** One line for each target that was measured: the median over the rounds. */
export function judge(rounds: readonly Round[]): Verdict[] {
  return TARGETS.flatMap((target) => {
    const values = rounds.map(target.value).filter((one) => one !== undefined);
    return values.length === 0 ? [] : [verdictOf(target, median(values))];
  });
}

/**
 * Announces per second that a server could answer. Where the load was the limit (HTTP: opening a connection costs the
 * client as much as the server), the measured rate is scaled up by the time in which the server had nothing to do, so
 * that a comparison never flatters us.
 */
export function capacity({ perSecond, loadIdle, serverBusy }: Throughput): number {
  return loadIdle < LOAD_LIMITED_IDLE && serverBusy > 0 ? perSecond / serverBusy : perSecond;
}

function lostPeers(round: Round): number | undefined {
  const measurement = ours(round);
  return mapped(measurement?.census, ({ missing }) => missing + (measurement?.restart?.census.missing ?? 0));
}

function mapped<T>(value: T | undefined, map: (value: T) => number): number | undefined {
  return value === undefined ? undefined : map(value);
}
