/** A brand-new instance joins while the master answers as fast as it can. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Instance } from '../instances.ts';
import { runLoad, type Throughput } from '../load.ts';
import type { Cluster } from './measure.ts';

/** The load runs so long before the newcomer starts, and in all. */
const BEFORE_MS = 3_000;
const LOAD_SECONDS = 12;
const SLICE_MS = 100;
/** Each look takes a millisecond of the master's processor, which is what is measured. */
const POLL_MS = 100;
const CAUGHT_UP_DEADLINE_MS = 60_000;

export interface Join {
  /** From the start of the newcomer's process until the master sees it at its own index with its own state hash. */
  seconds: number;
  /** Until it listened. */
  listeningSeconds: number;
  /** What the master answered a second before the newcomer started, and while it caught up. */
  rateBefore: number;
  rateDuring: number;
  /** The worst slice while it caught up, as a rate. */
  rateWorst: number;
  load: Throughput;
}

export class NotCaughtUpError extends Error {
  readonly code = 'BENCH_NOT_CAUGHT_UP';
}

/** @throws NotCaughtUpError when it takes longer than CAUGHT_UP_DEADLINE_MS */
export async function joinNewcomer({ population, newcomer }: Cluster, master: Instance): Promise<Join> {
  // Clients and newcomer would be other machines; here they share a core. The load goes first, so that what is measured is the
  // master, and sleeps when it waits, so that there is something left for the newcomer.
  const options = { seconds: LOAD_SECONDS, sliceMs: SLICE_MS, sleep: true, goesFirst: true };
  const loading = runLoad('steady', master, population, options);
  await delay(BEFORE_MS);
  const startedNs = Number(process.hrtime.bigint());
  const secondsSince = () => (Number(process.hrtime.bigint()) - startedNs) / 1e9;
  const instance = await newcomer();
  try {
    const listeningSeconds = secondsSince();
    await untilCaughtUp(master, instance);
    const seconds = secondsSince();
    const load = await loading;
    const rate = ratesIn(load, startedNs);
    const during = rate(0, seconds);
    return {
      seconds,
      listeningSeconds,
      rateBefore: mean(rate(Number.NEGATIVE_INFINITY, 0)),
      rateDuring: mean(during),
      rateWorst: Math.min(...during),
      load,
    };
  } finally {
    await instance.stop('SIGKILL');
  }
}

async function untilCaughtUp(master: Instance, newcomer: Instance): Promise<void> {
  const deadline = performance.now() + CAUGHT_UP_DEADLINE_MS;
  while (performance.now() < deadline) {
    const view = await master.view();
    const own = view?.members.find(({ id }) => id === view.self);
    const other = view?.members.find(({ name }) => name === newcomer.name);
    if (own && other && own.appliedIndex === other.appliedIndex && own.stateHash === other.stateHash) return;
    await delay(POLL_MS);
  }
  throw new NotCaughtUpError(`the newcomer had not caught up after ${CAUGHT_UP_DEADLINE_MS} ms`);
}

/** The rates of all slices that lie within some seconds of a moment. */
function ratesIn({ slices = [], beganNs = 0 }: Throughput, momentNs: number) {
  const startsSeconds = slices.map((_, i) => (beganNs + i * SLICE_MS * 1e6 - momentNs) / 1e9);
  return (from: number, to: number): number[] =>
    slices
      .filter((_, i) => startsSeconds[i]! >= from && startsSeconds[i]! + SLICE_MS / 1000 <= to)
      .map((acknowledged) => (acknowledged * 1000) / SLICE_MS);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, one) => sum + one, 0) / values.length;
}
