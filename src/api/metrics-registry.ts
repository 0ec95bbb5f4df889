import { Counter, Gauge, Registry } from 'prom-client';
import type { ClusterStatus, MemberStatus } from '../cluster/replicated-log.ts';
import { COUNTERS, type CounterName, type Tracker, type TrackerMetrics } from '../tracker/tracker.ts';
import { safeNumber } from './safe-number.ts';
import { RoleSchema } from './schemas.ts';

/**
 * The metrics of one tracker, from what it counts; nothing is counted twice. A registry of its own, so that several instances of one
 * process do not mix.
 */
export function trackerRegistry(tracker: Tracker): Registry {
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
  new Counter({
    name: 'swarmkeeper_member_messages_refused_total',
    help: 'messages of members refused: without the key, replayed or malformed',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(tracker.metrics().memberMessagesRefused);
    },
  });
  registerCluster(registry, tracker);
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

/** The cluster as this instance sees it. A role is 1 where it is held; members are told apart by `id`, `name` is for people. */
function registerCluster(registry: Registry, tracker: Tracker): void {
  const gauges: readonly { name: string; help: string; value: (status: ClusterStatus) => number }[] = [
    { name: 'term', help: 'term of the cluster', value: ({ term }) => safeNumber(term) },
    { name: 'has_master', help: '1 while a master is known', value: ({ master }) => Number(master !== undefined) },
    { name: 'members', help: 'members of the cluster', value: ({ members }) => members.length },
    {
      name: 'members_alive',
      help: 'members that are heard, this one among them',
      value: ({ members }) => members.filter(({ alive }) => alive).length,
    },
  ];
  for (const { name, help, value } of gauges) {
    new Gauge({
      name: `swarmkeeper_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(value(tracker.status()));
      },
    });
  }
  new Gauge({
    name: 'swarmkeeper_role',
    help: 'role of this instance: 1 for the one it has',
    labelNames: ['role'],
    registers: [registry],
    collect() {
      const { role } = tracker.status();
      for (const each of RoleSchema.options) this.set({ role: each }, Number(each === role));
    },
  });
  const perMember: readonly { name: string; help: string; value: (member: MemberStatus) => number }[] = [
    { name: 'member_alive', help: '1 while the member is heard', value: ({ alive }) => Number(alive) },
    {
      name: 'member_lag_entries',
      help: 'log entries the member is behind',
      value: ({ lag }) => safeNumber(lag),
    },
  ];
  for (const { name, help, value } of perMember) {
    new Gauge({
      name: `swarmkeeper_${name}`,
      help,
      labelNames: ['id', 'name'],
      registers: [registry],
      collect() {
        this.reset();
        for (const member of tracker.status().members) this.set({ id: member.id, name: member.name }, value(member));
      },
    });
  }
}

const GAUGES: readonly { name: string; help: string; value: (metrics: TrackerMetrics) => number }[] = [
  { name: 'swarms', help: 'contents with peers', value: (m) => m.swarms },
  { name: 'peers', help: 'peers, seeders among them', value: (m) => m.peers },
  { name: 'seeders', help: 'peers that have everything', value: (m) => m.seeders },
  { name: 'cluster_time_seconds', help: 'cluster time', value: (m) => m.clusterTimeMs / 1_000 },
  { name: 'commit_index', help: 'last log entry known to be committed', value: (m) => safeNumber(m.commitIndex) },
  { name: 'log_entries', help: 'log entries kept for members that were away', value: (m) => m.logEntries },
  { name: 'tables_lag_entries', help: 'log entries not yet in the tables', value: (m) => safeNumber(m.tablesLag) },
];

/** `udpBadConnectionId` -> `udp_bad_connection_id`. */
function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
