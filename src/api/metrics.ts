import type { FastifyPluginAsync } from 'fastify';
import { Counter, Gauge, Registry } from 'prom-client';
import { COUNTERS, type CounterName, type Tracker, type TrackerMetrics } from '../tracker/tracker.ts';
import { safeNumber } from './safe-number.ts';

/** `GET /metrics` for Prometheus, from what the tracker counts; nothing is counted twice. */
export function metricsRoute(tracker: Tracker): FastifyPluginAsync {
  const registry = trackerRegistry(tracker);
  return async (app) => {
    app.route({
      method: 'GET',
      url: '/metrics',
      schema: { hide: true },
      handler: async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()),
    });
  };
}

/** The metrics of one tracker: a registry of its own, so that several instances of one process do not mix. */
function trackerRegistry(tracker: Tracker): Registry {
  const registry = new Registry();
  for (const [name, help] of Object.entries(COUNTERS)) {
    new Counter({
      name: `swarmkeeper_${snakeCase(name)}_total`,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(tracker.metrics().counters[name as CounterName]);
      },
    });
  }
  for (const { name, help, value } of GAUGES) {
    new Gauge({
      name: `swarmkeeper_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(value(tracker.metrics()));
      },
    });
  }
  return registry;
}

const GAUGES: readonly { name: string; help: string; value: (metrics: TrackerMetrics) => number }[] = [
  { name: 'swarms', help: 'contents with peers', value: (m) => m.swarms },
  { name: 'peers', help: 'peers, seeders among them', value: (m) => m.peers },
  { name: 'seeders', help: 'peers that have everything', value: (m) => m.seeders },
  { name: 'cluster_time_seconds', help: 'cluster time', value: (m) => m.clusterTimeMs / 1_000 },
  { name: 'commit_index', help: 'last log entry known to be committed', value: (m) => safeNumber(m.commitIndex) },
  { name: 'tables_lag_entries', help: 'log entries not yet in the tables', value: (m) => safeNumber(m.tablesLag) },
];

/** `udpBadConnectionId` -> `udp_bad_connection_id`. */
function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
