import { join } from 'node:path';
import { type Cluster, ClusterSchema } from '../../src/api/schemas.ts';
import { askApi } from '../../src/cli/api-client.ts';
import {
  type RunOptions,
  type StartOptions,
  type SwarmkeeperInstance,
  startSwarmkeeper,
  temporaryFolder,
} from './start-swarmkeeper.ts';
import { type TestGroup, type TestNetwork, testNetwork } from './test-network.ts';
import { DEADLINE_MS, waitFor } from './wait-for.ts';

export interface ClusterOptions extends RunOptions {
  /** How many found it, 3 by default. */
  readonly instances?: number;
  /** For each of them, added to those that make them one cluster. */
  readonly args?: readonly string[];
  /** Whose subfolders 0, 1, ... are kept; by default a temporary one that goes with the cluster. */
  readonly dataDir?: string;
  /** One that nobody else is in, by default. */
  readonly network?: TestNetwork;
}

/** An instance that is stopped with SIGSTOP does not answer; the others are not to wait for it. */
const ANSWER_MS = 1_000;

/**
 * Starts so many `tracker --expect N` on loopback, and waits until they are one cluster with a master. `await using` ends them.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<TestCluster> {
  const { instances: count = 3, network = testNetwork() } = options;
  const own = options.dataDir === undefined ? await temporaryFolder() : undefined;
  const cluster = new TestCluster({ ...options, network }, options.dataDir ?? own!.path, count, own);
  try {
    await cluster.start();
    return cluster;
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}

export class TestCluster implements AsyncDisposable {
  /** By number; one that ended stays until it is restarted. */
  readonly instances: SwarmkeeperInstance[] = [];
  readonly network: TestNetwork;
  readonly #options: ClusterOptions;
  readonly #folder: string;
  readonly #count: number;
  readonly #own: AsyncDisposable | undefined;

  /** See `startCluster`. */
  constructor(
    options: ClusterOptions & { network: TestNetwork },
    folder: string,
    count: number,
    own: AsyncDisposable | undefined,
  ) {
    this.#options = options;
    this.network = options.network;
    this.#folder = folder;
    this.#count = count;
    this.#own = own;
  }

  /** Its name. */
  get cluster(): string {
    return this.network.cluster;
  }

  /** Where peers ask by multicast. */
  get group(): TestGroup {
    return this.network.group;
  }

  /** Those whose process is there, a stopped one (SIGSTOP) too. */
  get living(): SwarmkeeperInstance[] {
    return this.instances.filter(({ process }) => process.running);
  }

  async start(): Promise<void> {
    const numbers = Array.from({ length: this.#count }, (_, i) => i);
    const started = await Promise.allSettled(numbers.map((i) => this.#launch(i)));
    for (const each of started) if (each.status === 'fulfilled') this.instances.push(each.value);
    for (const each of started) if (each.status === 'rejected') throw each.reason;
    await this.waitForMaster();
    await waitFor('all instances to agree on one master', async () => {
      const views = await this.#views();
      return views.length === this.#count && new Set(views.map(({ master }) => master)).size === 1 && views[0].master;
    });
  }

  /**
   * Starts one more, on an empty folder or on that of `dataDir`; it is `instances.at(-1)` then. It resolves when that listens.
   */
  async add(options: Pick<StartOptions, 'args' | 'dataDir'> = {}): Promise<SwarmkeeperInstance> {
    const instance = await this.#launch(this.instances.length, options);
    this.instances.push(instance);
    return instance;
  }

  /** Ends the instance if it still runs, and starts it again on its folder and its client port. */
  async restart(i: number): Promise<SwarmkeeperInstance> {
    const before = this.instances[i];
    if (before.process.running) await before.stop();
    const args = ['--port', String(before.clientPort)];
    this.instances[i] = await this.#launch(i, { args, dataDir: before.dataDir });
    return this.instances[i];
  }

  /** What the instance says of the cluster. */
  statusOf(i: number): Promise<Cluster> {
    return statusOf(this.instances[i]);
  }

  /** The instance that is master; waits until there is one. */
  master(): Promise<SwarmkeeperInstance> {
    return this.waitForMaster();
  }

  /** Waits until one instance is master, in the latest term that anybody knows, and a majority says so. */
  waitForMaster(deadlineMs = DEADLINE_MS): Promise<SwarmkeeperInstance> {
    return waitFor(
      'a master',
      async () => {
        const views = await this.#views();
        const term = Math.max(...views.map((view) => view.term));
        const latest = views.filter((view) => view.term === term && view.master !== null);
        const own = latest.find(({ self, master }) => self === master);
        const voices = latest.filter(({ master }) => master === own?.self);
        return own !== undefined && voices.length > this.#count / 2 ? own.instance : undefined;
      },
      deadlineMs,
    );
  }

  /** All that live but the master; waits until there is one. */
  async slaves(): Promise<SwarmkeeperInstance[]> {
    const master = await this.master();
    return this.living.filter((instance) => instance !== master);
  }

  /** Waits until all that live show one state hash, at the index that is committed. Returns what they agree on. */
  agree(deadlineMs = DEADLINE_MS): Promise<{ appliedIndex: number; stateHash: string }> {
    return waitFor(
      'all instances to show the same state',
      async () => {
        const own = await Promise.all(
          this.living.map(async (instance) => {
            const { self, commitIndex, members } = await statusOf(instance);
            const { appliedIndex, stateHash } = members.find(({ id }) => id === self)!;
            return { commitIndex, appliedIndex, stateHash };
          }),
        );
        const [{ commitIndex, stateHash }] = own;
        const same = own.every(
          (each) =>
            each.commitIndex === commitIndex && each.appliedIndex === commitIndex && each.stateHash === stateHash,
        );
        if (!same || stateHash === '') throw new Error(`they show ${JSON.stringify(own)}`);
        return { appliedIndex: commitIndex, stateHash };
      },
      deadlineMs,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.instances.map((instance) => instance[Symbol.asyncDispose]()));
    await this.#own?.[Symbol.asyncDispose]();
  }

  #launch(i: number, { args = [], dataDir }: Pick<StartOptions, 'args' | 'dataDir'> = {}) {
    const common = ['--expect', String(this.#count), '--name', `instance-${i}`, ...(this.#options.args ?? [])];
    return startSwarmkeeper({
      ...this.#options,
      command: 'tracker',
      args: [...common, ...args],
      dataDir: dataDir ?? join(this.#folder, String(i)),
    });
  }

  /** What all say that answer at once. */
  async #views(): Promise<(Cluster & { instance: SwarmkeeperInstance })[]> {
    const asked = this.living.map(async (instance) => ({ ...(await statusOf(instance)), instance }));
    const answers = await Promise.allSettled(asked);
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  }
}

function statusOf({ clientPort }: SwarmkeeperInstance): Promise<Cluster> {
  const address = { host: '127.0.0.1', port: clientPort };
  return askApi(address, '/api/v1/cluster', ClusterSchema, { timeoutMs: ANSWER_MS });
}
