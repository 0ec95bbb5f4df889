/** A cluster of three, filled, asked, killed as a whole, started again, and joined by a newcomer. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { BOTH_CPUS, LOAD_CPU, SERVER_CPU } from '../cpus.ts';
import { Instance, newClusterNames, settled } from '../instances.ts';
import { type Census, type Population, runLoad, type Throughput } from '../load.ts';
import { type Join, joinNewcomer } from './join.ts';
import { type Restart, restartAll } from './restart.ts';

const MEMBERS = 3;

/** What can be asked for. Arrivals come with everything, because everything needs the peers. */
export const PARTS = ['steady', 'restart', 'join'] as const;
export type Part = (typeof PARTS)[number];

export interface Plan {
  parts: ReadonlySet<Part>;
  population: Population;
  /** Of each steady measurement. */
  seconds: number;
  directory: string;
}

export interface ClusterMeasurement {
  /** New peers, each acknowledged when it is durable on a quorum. */
  arrivals: Throughput;
  /** Re-announces at the master. */
  steady?: Throughput;
  /** The same at a slave, which forwards them. */
  throughSlave?: Throughput;
  restart?: Restart;
  join?: Join;
  /** All swarms counted at the master after everything else. */
  census: Census;
  /** Of the tables of every member after everything else: equal, or the replicas differ. */
  stateHashes: string[];
  /** Phases in which another instance became the master, although nobody was killed. */
  unsettled: string[];
}

/** The cluster that is measured. */
export interface Cluster {
  readonly members: readonly Instance[];
  readonly population: Population;
  /** A further instance, with an empty disk. */
  newcomer(): Promise<Instance>;
}

export async function measureCluster({ parts, population, seconds, directory }: Plan): Promise<ClusterMeasurement> {
  const names = newClusterNames();
  const start = (name: string, cpus: readonly number[]) =>
    Instance.start({ name, names, directory: join(directory, name), expect: MEMBERS, cpus });
  const members = await Promise.all(Array.from({ length: MEMBERS }, (_, i) => start(`m${i}`, BOTH_CPUS)));
  const cluster: Cluster = { members, population, newcomer: () => start('newcomer', [LOAD_CPU]) };
  const unsettled: string[] = [];
  const phase = async <T>(name: string, run: (master: Instance) => Promise<T>): Promise<T> => {
    const master = await settled(members);
    const result = await run(master);
    if ((await settled(members)) !== master) unsettled.push(name);
    return result;
  };
  try {
    const result: Partial<ClusterMeasurement> = {};
    result.arrivals = await phase('arrivals', (master) => runLoad('arrivals', master, population, { sleep: true }));
    if (parts.has('steady')) {
      confine(members, [SERVER_CPU]);
      result.steady = await phase('steady', (master) => runLoad('steady', master, population, { seconds }));
      result.throughSlave = await phase('through a slave', (master) => {
        const slave = members.find((member) => member !== master)!;
        return runLoad('steady', slave, population, { seconds });
      });
    }
    if (parts.has('restart')) result.restart = await restartAll(cluster);
    if (parts.has('join')) {
      confine(members, [SERVER_CPU]);
      result.join = await phase('join', (master) => joinNewcomer(cluster, master));
    }
    const master = await settled(members);
    result.census = await runLoad('verify', master, population);
    const { members: all } = (await master.view())!;
    const stateHashes = all.filter(({ alive }) => alive).map(({ stateHash }) => stateHash);
    return { ...result, arrivals: result.arrivals, census: result.census, stateHashes, unsettled };
  } finally {
    await Promise.all(members.map((member) => member.stop('SIGKILL')));
  }
}

/** All threads of the instances. */
function confine(members: readonly Instance[], cpus: readonly number[]): void {
  for (const { pid } of members) execFileSync('taskset', ['-apc', cpus.join(','), `${pid}`], { stdio: 'ignore' });
}
