/** Instances of Swarmkeeper that make a cluster of their own, exactly as a user starts them, each in a process of its own. */
import { randomBytes, randomInt } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { announcedPort, type Program, startProgram } from './program.ts';

const LAUNCHER = join(import.meta.dirname, '..', 'bin', 'swarmkeeper');

const POLL_MS = 20;
const SETTLE_DEADLINE_MS = 60_000;
const STATUS_DEADLINE_MS = 1_000;

/** Names and groups that no other cluster on this machine has. */
export interface ClusterNames {
  readonly cluster: string;
  /** Where clients ask by multicast. */
  readonly group: { readonly host: string; readonly port: number };
  readonly memberGroup: { readonly host: string; readonly port: number };
}

export function newClusterNames(): ClusterNames {
  const port = randomInt(20_000, 30_000);
  const group = () => `239.255.${randomInt(1, 255)}.${randomInt(1, 255)}`;
  return {
    cluster: `bench-${randomBytes(6).toString('hex')}`,
    group: { host: group(), port },
    memberGroup: { host: group(), port: port + 1 },
  };
}

/** Of `GET /api/v1/cluster`. */
export interface ClusterView {
  master: string | null;
  self: string;
  commitIndex: number;
  members: MemberView[];
}

export interface MemberView {
  id: string;
  name: string;
  role: 'master' | 'slave' | 'candidate' | 'learner';
  alive: boolean;
  appliedIndex: number;
  stateHash: string;
}

export interface InstanceOptions {
  name: string;
  names: ClusterNames;
  /** Its data; kept, so that it can be started again. */
  directory: string;
  /** How many instances found the cluster. */
  expect: number;
  /** The only processors that it may use; all by default. */
  cpus?: readonly number[];
}

export class NotSettledError extends Error {
  readonly code = 'BENCH_NOT_SETTLED';
}

export class Instance {
  readonly name: string;
  readonly port: number;
  readonly #options: InstanceOptions;
  #program: Program<number>;

  static async start(options: InstanceOptions): Promise<Instance> {
    return new Instance(options, await startTracker(options, 0));
  }

  private constructor(options: InstanceOptions, program: Program<number>) {
    this.name = options.name;
    this.port = program.ready;
    this.#options = options;
    this.#program = program;
  }

  get pid(): number {
    return this.#program.pid;
  }

  /** Resolves when its process has ended. */
  get ended(): Promise<unknown> {
    return this.#program.ended;
  }

  kill(signal: NodeJS.Signals): void {
    this.#program.kill(signal);
  }

  /** Starts it again when its process has ended, on the same port and data; resolves when it listens. */
  async restart(): Promise<void> {
    await this.#program.ended;
    this.#program = await startTracker(this.#options, this.port);
  }

  stop(signal?: NodeJS.Signals): Promise<void> {
    return this.#program.stop(signal);
  }

  /** What it knows of the cluster; `undefined` when it does not answer. */
  async view(): Promise<ClusterView | undefined> {
    const signal = AbortSignal.timeout(STATUS_DEADLINE_MS);
    const response = await fetch(`http://127.0.0.1:${this.port}/api/v1/cluster`, { signal }).catch(() => undefined);
    return response?.ok ? ((await response.json()) as ClusterView) : undefined;
  }

  /** @throws Error when it refuses */
  async stepDown(): Promise<void> {
    const response = await fetch(`http://127.0.0.1:${this.port}/api/v1/cluster/step-down`, { method: 'POST' });
    if (!response.ok) throw new Error(`step-down: ${response.status} ${await response.text()}`);
  }
}

function startTracker({ name, names, directory, expect, cpus }: InstanceOptions, port: number) {
  const { cluster, group, memberGroup } = names;
  const command = [
    LAUNCHER,
    ...['tracker', '--json', '--cluster', cluster, '--name', name, '--expect', `${expect}`],
    ...['--host', '127.0.0.1', '--port', `${port}`, '--data', directory],
    ...['--group', `${group.host}:${group.port}`, '--member-group', `${memberGroup.host}:${memberGroup.port}`],
  ] as const;
  return startProgram([...command], announcedPort, cpus === undefined ? {} : { cpus });
}

/**
 * Waits until all instances know the same master and have applied all that it had committed when they first agreed.
 *
 * @returns the master
 * @throws NotSettledError when that takes longer than SETTLE_DEADLINE_MS
 */
export async function settled(instances: readonly Instance[]): Promise<Instance> {
  const deadline = performance.now() + SETTLE_DEADLINE_MS;
  let wanted: number | undefined;
  while (performance.now() < deadline) {
    const views = await Promise.all(instances.map((instance) => instance.view()));
    const master = views.findIndex((view) => view !== undefined && view.master === view.self);
    if (master >= 0 && views.every((view) => view?.master === views[master]!.self)) {
      // Clients go on, so there is always something newer.
      wanted ??= views[master]!.commitIndex;
      if (views.every((view) => appliedBySelf(view!) >= wanted!)) return instances[master]!;
    }
    await delay(POLL_MS);
  }
  throw new NotSettledError(`the instances did not agree on a master within ${SETTLE_DEADLINE_MS} ms`);
}

function appliedBySelf({ self, members }: ClusterView): number {
  return members.find(({ id }) => id === self)?.appliedIndex ?? 0;
}
