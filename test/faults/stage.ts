import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Cluster, Member } from '../../src/api/schemas.ts';
import {
  type Ended,
  runSwarmkeeper,
  type SwarmkeeperInstance,
  startSwarmkeeper,
} from '../harness/start-swarmkeeper.ts';
import { type TestNetwork, testNetwork } from '../harness/test-network.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { waitFor } from '../harness/wait-for.ts';
import { AnswerWatch } from './answer-watch.ts';
import type { Target } from './client-socket.ts';
import { ClusterLoad } from './cluster-load.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
/**
 * Where Node keeps compiled modules when it is told to: an instance starts in half the time. One that is killed leaves
 * nothing there, one that stops does.
 */
const NODE_COMPILE_CACHE = join(tmpdir(), 'node-compile-cache');
/** Acknowledged before a test begins, and again before it ends: the cluster serves. */
const SOME_ANNOUNCES = 200;

export interface StageOptions {
  /** Founders, 3 by default. */
  readonly instances?: number;
  /** For all of them, e.g. `--key-file`. */
  readonly args?: readonly string[];
  /** For some of them. */
  readonly members?: Readonly<Record<string, MemberOptions>>;
  /** On loopback by default. */
  readonly place?: Place;
}

/** Where the instances and their clients are. */
export interface Place {
  /** Address that clients ask from. */
  readonly client: string;
  /** Where an instance serves. Ports differ; 0 takes a free one. */
  target(name: string): Target;
  /** Lets an instance be started, at once, on the machine that is to be its own. */
  on<T>(name: string, start: () => T): T;
}

const LOOPBACK: Place = {
  client: '127.0.0.1',
  target: () => ({ host: '127.0.0.1', port: 0 }),
  on: (_, start) => start(),
};

export interface MemberOptions {
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly dataDir?: string;
}

/**
 * Runs a test on a cluster of real processes under load and under watch, and sees afterwards, whatever happened, that
 * - all living instances agree: one master, one applied index, one state hash;
 * - every one of them has, in its own tables, whatever was acknowledged, and nothing that nobody announced;
 * - never two masters answered,
 * - they stop as they should.
 * @param body does the damage; whoever it leaves dead is not checked
 */
export async function underLoad(
  t: TestContext,
  options: StageOptions,
  body: (stage: Stage) => Promise<void>,
): Promise<void> {
  await using stage = await Stage.open(options);
  try {
    await stage.begin();
    await body(stage);
    await stage.verify();
  } catch (error) {
    for (const line of await stage.describe()) t.diagnostic(line);
    throw error;
  }
}

/** A cluster on a network of its own, with the faults that a test may do to it. */
export class Stage implements AsyncDisposable {
  readonly network = testNetwork();
  readonly members = new Map<string, StageMember>();
  readonly load: ClusterLoad;
  readonly #options: StageOptions;
  readonly #place: Place;
  readonly #folder: string;
  #watch: AnswerWatch | undefined;
  #running: AsyncDisposable | undefined;
  #firstTerm = 0;

  static async open(options: StageOptions): Promise<Stage> {
    return new Stage(options, await mkdtemp(join(tmpdir(), 'swarmkeeper-faults-')));
  }

  private constructor(options: StageOptions, folder: string) {
    this.#options = options;
    this.#place = options.place ?? LOOPBACK;
    this.#folder = folder;
    const instances = () => [...this.members.values()].map(({ host, clientPort: port }) => ({ host, port }));
    this.load = new ClusterLoad({ group: this.network.group, instances, client: this.#place.client });
  }

  /** Founds the cluster and puts it under load and watch. */
  async begin(): Promise<void> {
    const names = NAMES.slice(0, this.founders);
    await Promise.all(names.map((name) => this.add(name)));
    const master = await this.master();
    this.#firstTerm = (await master.api.cluster()).term;
    await this.voters(this.founders);
    this.#watch = await AnswerWatch.start(this.network.group, this.#place.client);
    this.#running = await this.load.start();
    await this.load.acknowledges(SOME_ANNOUNCES);
  }

  get founders(): number {
    return this.#options.instances ?? 3;
  }

  get watch(): AnswerWatch {
    return this.#watch!;
  }

  get alive(): StageMember[] {
    return [...this.members.values()].filter(({ alive }) => alive);
  }

  folderOf(name: string): string {
    return join(this.#folder, name);
  }

  member(name: string): StageMember {
    return this.members.get(name)!;
  }

  /** Starts a further instance. */
  async add(name: string): Promise<StageMember> {
    const own = this.#options.members?.[name];
    const member = new StageMember(name, {
      args: this.#argsOf(name),
      env: { ...process.env, NODE_COMPILE_CACHE, ...own?.env },
      dataDir: own?.dataDir ?? this.folderOf(name),
      network: this.network,
      place: this.#place,
    });
    await member.start();
    this.members.set(name, member);
    return member;
  }

  /** Runs an instance on the folder of that name, of which is known that it will not stay, until its end. */
  async runRefused(name: string): Promise<Ended> {
    const fixed = ['tracker', '--json', '--port', '0', '--data', this.folderOf(name), ...this.network.args];
    return await runSwarmkeeper([...fixed, ...this.#argsOf(name)]);
  }

  /** The instance that says it is the master, when the others that live say so too. */
  async master(): Promise<StageMember> {
    return await waitFor('a master whom all follow', async () => {
      const views = await this.#views();
      const master = views.find(({ cluster }) => cluster.master === cluster.self);
      const all = views.every(({ cluster }) => cluster.master === master?.cluster.master);
      return all ? master?.member : undefined;
    });
  }

  /** One of those that follow. */
  async slave(): Promise<StageMember> {
    const master = await this.master();
    return this.alive.find((member) => member !== master)!;
  }

  /** Waits until so many members vote, in the eyes of the master. */
  async voters(count: number): Promise<void> {
    await waitFor(`${count} voters`, async () => {
      const { members } = await (await this.master()).api.cluster();
      return members.filter(({ voter, alive }) => voter && alive).length === count;
    });
  }

  /** The cluster goes on: it acknowledges announces and answers by multicast. */
  async serves(): Promise<void> {
    await this.load.acknowledges(SOME_ANNOUNCES);
    await this.watch.answered();
  }

  /** What `underLoad` promises. */
  async verify(): Promise<void> {
    await this.serves();
    await this.#running![Symbol.asyncDispose]();
    await this.watch.close();
    const views = await this.agreed();
    await Promise.all(this.alive.map(({ api, name }) => this.load.verify(api, name)));
    this.watch.check(views[0].cluster.term - this.#firstTerm);
    const ended = await Promise.all(this.alive.map(({ instance }) => instance.stop()));
    for (const { code, signal, stderr } of ended) assert.deepEqual([code, signal], [0, null], stderr);
  }

  /** All living instances, when they see each other and are at the last index; sees that their states are the same there. */
  async agreed(): Promise<readonly View[]> {
    const views = await waitFor('all instances to have applied the same', async () => {
      const views = await this.#views();
      const [first] = views;
      const same = views.every(
        ({ cluster, self }) =>
          cluster.master !== null &&
          views.every((other) => cluster.members.some(({ id, alive }) => id === other.self.id && alive)) &&
          cluster.master === first.cluster.master &&
          self.appliedIndex === cluster.commitIndex &&
          self.appliedIndex === first.self.appliedIndex &&
          self.stateHash !== '',
      );
      return same ? views : undefined;
    });
    const hashes = new Set(views.map(({ self }) => self.stateHash));
    const all = () => views.map(({ member, self }) => `${member.name}: ${self.stateHash}`).join(', ');
    assert.equal(hashes.size, 1, `state hashes differ at index ${views[0].self.appliedIndex}: ${all()}`);
    return views;
  }

  /** For the output of a test that fails. */
  async describe(): Promise<string[]> {
    const lines = [`answers from ${this.#watch?.sources.join(', ')}`];
    for (const member of this.members.values()) {
      const { name, clientPort, stderr } = member;
      const seen = member.alive ? await member.api.cluster().then(formatCluster, String) : 'dead';
      lines.push(`${name} (${clientPort}): ${seen}`, ...stderr.split('\n').filter((line) => line !== ''));
    }
    return lines;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#running?.[Symbol.asyncDispose]();
    } finally {
      await this.#watch?.close();
      await Promise.all([...this.members.values()].map((member) => member.kill()));
      await rm(this.#folder, { recursive: true, force: true });
    }
  }

  #argsOf(name: string): readonly string[] {
    const { args = [], members = {} } = this.#options;
    return ['--name', name, '--expect', String(this.founders), ...args, ...(members[name]?.args ?? [])];
  }

  async #views(): Promise<View[]> {
    return await Promise.all(
      this.alive.map(async (member) => {
        const cluster = await member.api.cluster();
        return { member, cluster, self: cluster.members.find(({ id }) => id === cluster.self)! };
      }),
    );
  }
}

/** How an instance sees the cluster, and itself. */
export interface View {
  readonly member: StageMember;
  readonly cluster: Cluster;
  readonly self: Member;
}

/** An instance that may die and come back, on the same folder and with the same port. */
export class StageMember {
  readonly name: string;
  readonly dataDir: string;
  readonly #args: readonly string[];
  readonly #env: NodeJS.ProcessEnv;
  readonly #network: TestNetwork;
  readonly #place: Place;
  /** Address that it serves. */
  readonly host: string;
  #instance: SwarmkeeperInstance | undefined;
  /** Of the lives before. */
  #earlierStderr = '';
  #port: number;
  #paused = false;

  constructor(
    name: string,
    options: Required<MemberOptions> & { readonly network: TestNetwork; readonly place: Place },
  ) {
    this.name = name;
    this.dataDir = options.dataDir;
    this.#args = options.args;
    this.#env = options.env;
    this.#network = options.network;
    this.#place = options.place;
    ({ host: this.host, port: this.#port } = options.place.target(name));
  }

  /** Starts it, or starts it again. */
  async start(): Promise<void> {
    assert.ok(!this.alive, `${this.name} runs already`);
    this.#earlierStderr = this.stderr;
    this.#instance = await this.#place.on(this.name, () =>
      startSwarmkeeper({
        dataDir: this.dataDir,
        args: [...this.#args, '--port', String(this.#port)],
        env: this.#env,
        network: this.#network,
      }),
    );
    this.#port = this.#instance.clientPort;
  }

  get instance(): SwarmkeeperInstance {
    return this.#instance!;
  }

  /** It runs, and does not stand still. */
  get alive(): boolean {
    return this.#instance?.process.running === true && !this.#paused;
  }

  get clientPort(): number {
    return this.#port;
  }

  get api(): TrackerApi {
    return new TrackerApi(this);
  }

  get stderr(): string {
    return this.#earlierStderr + (this.#instance?.process.stderr ?? '');
  }

  /** kill -9, and its end. */
  async kill(): Promise<void> {
    this.#paused = false;
    await this.#instance?.stop('SIGKILL');
  }

  /** Stands still, with all its threads. */
  pause(): void {
    this.#paused = true;
    this.instance.process.kill('SIGSTOP');
  }

  resume(): void {
    this.instance.process.kill('SIGCONT');
    this.#paused = false;
  }
}

function formatCluster({ term, master, self, commitIndex, members }: Cluster): string {
  const others = members.map(
    ({ id, name, role, voter, alive, appliedIndex, stateHash }) =>
      `${name || id.slice(0, 4)}${id === self ? ' (self)' : ''} ${role}${voter ? '' : ' no voter'}${alive ? '' : ' dead'} at ${appliedIndex} ${stateHash}`,
  );
  return `term ${term}, master ${master?.slice(0, 4)}, committed ${commitIndex}: ${others.join('; ')}`;
}
