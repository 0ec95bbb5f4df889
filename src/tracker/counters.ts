import { COUNTERS, type CounterName } from './tracker.ts';

/**
 * Counters in shared memory: one thread adds, others read whenever they like. Values are float64, so a counter does
 * not wrap, and adding is one store.
 */
export type Counters = Float64Array<SharedArrayBuffer>;

const NAMES = Object.keys(COUNTERS) as CounterName[];

/** Index of each counter. */
export const COUNTER = Object.fromEntries(NAMES.map((name, at) => [name, at])) as Readonly<Record<CounterName, number>>;

/** Gauges stand behind the counters. */
export const GAUGE_SWARMS = NAMES.length;
export const GAUGE_PEERS = NAMES.length + 1;
export const GAUGE_SEEDERS = NAMES.length + 2;
export const GAUGE_CLUSTER_TIME_MS = NAMES.length + 3;

export function newCounters(): Counters {
  return new Float64Array(new SharedArrayBuffer((NAMES.length + 4) * Float64Array.BYTES_PER_ELEMENT));
}

export function readCounters(counters: Counters): Record<CounterName, number> {
  return Object.fromEntries(NAMES.map((name, at) => [name, counters[at]])) as Record<CounterName, number>;
}
