import { writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { parseInfoHash } from '../../src/bittorrent/info-hash.ts';
import { formatMemberKey, generateMemberKey } from '../../src/cluster/transport/member-key.ts';
import { type ProcessOptions, RunningProcess } from '../harness/running-process.ts';
import {
  SWARMKEEPER,
  type SwarmkeeperInstance,
  startSwarmkeeper,
  temporaryFolder,
} from '../harness/start-swarmkeeper.ts';
import { formatGroup, type TestNetwork, testNetwork } from '../harness/test-network.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { Lan } from '../network/lan.ts';
import type { Seat } from './other-client.ts';
import type { Counts } from './outcome.ts';

const TRACKER = 'tracker';
const TRACKER_PORT = 6969;
/** Hosts for peers. Each of a swarm is on another: some clients take one connection from an address. */
export const HOSTS = ['a', 'b', 'c', 'd', 'e', 'f'] as const;
export type HostName = (typeof HOSTS)[number];
const FIRST_PORT = 7000;
const PORTS_OF_A_CLIENT = 2;

/** How a torrent names the tracker. */
export type Protocol = 'udp' | 'http';

/** A network with a tracker and hosts for peers, and folders for what they have. */
export class Place implements AsyncDisposable {
  readonly api: TrackerApi;
  readonly folder: string;
  readonly #lan: Lan;
  readonly #tracker: SwarmkeeperInstance;
  readonly #network: TestNetwork;
  readonly #nobody = testNetwork().group;
  readonly #release: AsyncDisposableStack;
  #nextPort = FIRST_PORT;

  static async open(): Promise<Place> {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await temporaryFolder());
    const lan = stack.use(await Lan.open([TRACKER, ...HOSTS]));
    const network = testNetwork();
    const keyFile = join(folder.path, 'key');
    writeFileSync(keyFile, formatMemberKey(generateMemberKey()));
    const { address, namespace } = lan.host(TRACKER);
    const args = ['--host', address, '--port', String(TRACKER_PORT), '--key-file', keyFile, '--expect', '1'];
    const starting = namespace.within(() => startSwarmkeeper({ args, network, dataDir: join(folder.path, 'tracker') }));
    const tracker = stack.use(await starting);
    return new Place(folder.path, lan, network, tracker, stack.move());
  }

  private constructor(
    folder: string,
    lan: Lan,
    network: TestNetwork,
    tracker: SwarmkeeperInstance,
    release: AsyncDisposableStack,
  ) {
    this.folder = folder;
    this.#lan = lan;
    this.#network = network;
    this.#tracker = tracker;
    this.#release = release;
    this.api = new TrackerApi({ host: lan.host(TRACKER).address, clientPort: tracker.clientPort });
  }

  /** The tracker, as torrents and magnet links name it. */
  announceUrl(protocol: Protocol): string {
    return `${protocol}://${this.#lan.host(TRACKER).address}:${this.#tracker.clientPort}/announce`;
  }

  address(host: HostName): string {
    return this.#lan.host(host).address;
  }

  /** A folder for one test. */
  async room(): Promise<string> {
    const folder = join(this.folder, String(this.#port()));
    await mkdir(folder);
    return folder;
  }

  /** Room for a client of somebody else's on a host, for the length of the test; a test that fails shows what it printed. */
  async seat(t: TestContext, host: HostName): Promise<Seat> {
    const port = this.#port();
    const homeFolder = join(this.folder, `home-${port}`);
    await mkdir(homeFolder);
    const run = (program: string, args: readonly string[], stdin?: 'pipe') => {
      // Nothing of the user's settings, and no proxy on the way to the tracker.
      const env = { PATH: process.env.PATH, HOME: homeFolder, LANG: 'C.UTF-8' };
      return this.#run(t, host, program, args, { env, ...(stdin && { stdin }) });
    };
    return { host: this.address(host), port, homeFolder, run };
  }

  /**
   * Runs a command of ours on a host, for the length of the test. It is told nothing about the network but the group; a later
   * `--group` in `args` wins.
   */
  swarmkeeper(t: TestContext, host: HostName, command: 'share' | 'get' | 'peer', ...args: string[]): RunningProcess {
    const data = join(this.folder, `data-${this.#port()}`);
    const common = ['--json', '--group', formatGroup(this.#network.group), '--data', data];
    return this.#run(t, host, SWARMKEEPER, [command, ...common, ...args], {});
  }

  /** Options of a command that is to know the trackers of torrents only: it asks in a group that nobody is in. */
  get noCluster(): string[] {
    return ['--group', formatGroup(this.#nobody)];
  }

  /** What the tracker counts of a content. */
  async counts(sha1: string): Promise<Counts> {
    const content = await this.api.content(parseInfoHash(sha1));
    const { seeders = 0, leechers = 0, completed = 0 } = content ?? {};
    return { seeders, leechers, completed };
  }

  #port(): number {
    const port = this.#nextPort;
    this.#nextPort += PORTS_OF_A_CLIENT;
    return port;
  }

  #run(
    t: TestContext,
    host: HostName,
    program: string,
    args: readonly string[],
    options: ProcessOptions,
  ): RunningProcess {
    const { namespace } = this.#lan.host(host);
    // It ends when the test does, even if that is killed.
    const mortal = ['--pdeathsig', 'KILL', program, ...args];
    const running = namespace.within(() => new RunningProcess('setpriv', mortal, options));
    t.after(async () => {
      await running[Symbol.asyncDispose]();
      if (t.passed) return;
      t.diagnostic(`${program} ${args.join(' ')}\non host ${host} printed:\n${running.stdout}${running.stderr}`);
    });
    return running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#release[Symbol.asyncDispose]();
  }
}
