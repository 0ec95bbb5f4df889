import { latencyPercentile } from '../tracker/latency.ts';
import type { CounterName, Tracker, TrackerMetrics } from '../tracker/tracker.ts';
import { MAX_SAMPLES, type Sample } from './event-schemas.ts';

/** What is read of this process and of the clocks; tests hand in their own. */
export interface SampleSources {
  /** Unix time, milliseconds. */
  readonly now: () => number;
  /** A clock that never goes back, milliseconds. */
  readonly monotonic: () => number;
  /** Processor time of the process so far, microseconds. */
  readonly cpuMicroseconds: () => number;
  readonly rssBytes: () => number;
}

const THIS_PROCESS: SampleSources = {
  now: Date.now,
  monotonic: () => performance.now(),
  cpuMicroseconds: () => {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  rssBytes: () => process.memoryUsage.rss(),
};

/** What an instance did, second by second, from the counters that it has anyway; the last MAX_SAMPLES are kept. */
export class Samples {
  /** Oldest first. */
  readonly all: Sample[] = [];
  readonly #tracker: Pick<Tracker, 'metrics'>;
  readonly #sources: SampleSources;
  #last: Reading;

  constructor(tracker: Pick<Tracker, 'metrics'>, sources: SampleSources = THIS_PROCESS) {
    this.#tracker = tracker;
    this.#sources = sources;
    this.#last = this.#read();
  }

  /** Of the time since the last one. */
  take(): Sample {
    const last = this.#last;
    const { metrics, atMs, cpuMicroseconds } = this.#read();
    this.#last = { metrics, atMs, cpuMicroseconds };
    const seconds = Math.max(atMs - last.atMs, 1) / 1_000;
    const perSecond = (...names: CounterName[]) =>
      names.reduce((sum, name) => sum + metrics.counters[name] - last.metrics.counters[name], 0) / seconds;
    const answers = difference(metrics.answerLatency, last.metrics.answerLatency);
    const commits = difference(metrics.commitLatency, last.metrics.commitLatency);
    const sample: Sample = {
      at: this.#sources.now(),
      announces: perSecond('udpAnnounces', 'httpAnnounces'),
      replies: perSecond(...REPLIES),
      arrivals: perSecond('announcesLogged'),
      http: perSecond('httpAnnounces', 'httpScrapes', 'httpFailures'),
      forwarded: perSecond('udpForwarded', 'httpForwarded'),
      dropped: perSecond('announcesDropped', 'refusedWhileFull', 'udpUnsent'),
      p50Ms: latencyPercentile(answers, 0.5),
      p99Ms: latencyPercentile(answers, 0.99),
      commitP50Ms: latencyPercentile(commits, 0.5),
      commitP99Ms: latencyPercentile(commits, 0.99),
      peers: metrics.peers,
      seeders: metrics.seeders,
      leechers: metrics.peers - metrics.seeders,
      contents: metrics.swarms,
      cpu: (cpuMicroseconds - last.cpuMicroseconds) / 1e6 / seconds,
      rssBytes: this.#sources.rssBytes(),
    };
    this.all.push(sample);
    if (this.all.length > MAX_SAMPLES) this.all.shift();
    return sample;
  }

  #read(): Reading {
    const { monotonic, cpuMicroseconds } = this.#sources;
    return { metrics: this.#tracker.metrics(), atMs: monotonic(), cpuMicroseconds: cpuMicroseconds() };
  }
}

interface Reading {
  readonly metrics: TrackerMetrics;
  readonly atMs: number;
  readonly cpuMicroseconds: number;
}

const REPLIES: readonly CounterName[] = [
  'udpConnects',
  'udpAnnounces',
  'udpScrapes',
  'udpErrors',
  'httpAnnounces',
  'httpScrapes',
  'httpFailures',
];

function difference(now: Float64Array, before: Float64Array): Float64Array {
  return now.map((count, bucket) => count - before[bucket]);
}
