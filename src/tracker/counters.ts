import { LATENCY_BUCKETS, latencyBucket } from './latency.ts';
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

/** Behind the gauges, LATENCY_BUCKETS each: from a request by UDP until its reply leaves, and from a proposal until it is applied. */
export const LATENCY_ANSWER = NAMES.length + 4;
export const LATENCY_COMMIT = LATENCY_ANSWER + LATENCY_BUCKETS;

const SLOTS = LATENCY_COMMIT + LATENCY_BUCKETS;

export function newCounters(): Counters {
  return new Float64Array(new SharedArrayBuffer(SLOTS * Float64Array.BYTES_PER_ELEMENT));
}

/** Counts `count` durations of so many milliseconds. */
export function countLatency(counters: Counters, histogram: number, ms: number, count: number): void {
  counters[histogram + latencyBucket(ms)] += count;
}

/** A copy of the counts of a histogram. */
export function readLatency(counters: Counters, histogram: number): Float64Array {
  return Float64Array.from(counters.subarray(histogram, histogram + LATENCY_BUCKETS));
}

export function readCounters(counters: Counters): Record<CounterName, number> {
  return Object.fromEntries(NAMES.map((name, at) => [name, counters[at]])) as Record<CounterName, number>;
}
