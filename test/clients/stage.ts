import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { authority } from '../../src/api/client-address.ts';
import { startCluster, type TestCluster } from '../harness/start-cluster.ts';
import { type SwarmkeeperInstance, temporaryFolder } from '../harness/start-swarmkeeper.ts';
import type { TestGroup } from '../harness/test-network.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { waitFor } from '../harness/wait-for.ts';
import { Client, type ClientProgram, PATIENCE_MS, type Transport } from './client.ts';
import { CLIENT_HOSTS, TRACKER_HOST, TRACKER_NAME } from './private-network.ts';
import type { Torrent } from './torrent.ts';

export interface Counts {
  readonly seeders: number;
  readonly leechers: number;
  readonly completed: number;
}

/** What the tracker shows of a swarm. */
export interface Swarm extends Counts {
  /** In any order. */
  readonly peers: readonly { readonly host: string; readonly port: number; readonly left: number }[];
}

export type Role = 'seeder' | 'leecher';

const FIRST_PORT = 7000;
/** For peers and for control. */
const PORTS_OF_A_CLIENT = 2;
/** Stages may stand at the same time. */
let nextPort = FIRST_PORT;

export interface StageOptions {
  /** Of the cluster, 1 by default. */
  readonly instances?: number;
  /** Added to those of `swarmkeeper tracker`. */
  readonly args?: readonly string[];
}

/** A tracker, or a cluster of them, with room for clients around it. */
export class Stage {
  readonly cluster: TestCluster;
  #api: TrackerApi;
  readonly #folder: Awaited<ReturnType<typeof temporaryFolder>>;

  static async set(options: StageOptions = {}): Promise<Stage> {
    const folder = await temporaryFolder();
    try {
      return new Stage(await startCluster({ instances: 1, ...options }), folder);
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(cluster: TestCluster, folder: Awaited<ReturnType<typeof temporaryFolder>>) {
    this.cluster = cluster;
    this.#api = new TrackerApi(this.tracker);
    this.#folder = folder;
  }

  /** The only instance, or the first. */
  get tracker(): SwarmkeeperInstance {
    return this.cluster.instances[0];
  }

  /** Lets this instance tell from now on what is known of a swarm, instead of the first. */
  watch(instance: SwarmkeeperInstance): void {
    this.#api = new TrackerApi(instance);
  }

  /**
   * A client with a place of its own, for the length of the test; a test that fails shows what it printed.
   * @param at where it asks: the first instance by default
   */
  async client(
    t: TestContext,
    program: ClientProgram,
    role: Role,
    transport: Transport,
    at: SwarmkeeperInstance | TestGroup = this.tracker,
  ): Promise<Client> {
    const { protocol, family } = transport;
    const port = nextPort;
    nextPort += PORTS_OF_A_CLIENT;
    const folder = join(this.#folder.path, String(port));
    await mkdir(folder);
    const host = program.needsName(transport) ? TRACKER_NAME[family] : TRACKER_HOST[family];
    const asked = 'clientPort' in at ? { host, port: at.clientPort } : at;
    const client = new Client(program, {
      host: CLIENT_HOSTS[role === 'seeder' ? 0 : 1][family],
      port,
      folder,
      announceUrl: `${protocol}://${authority(asked.host, asked.port)}/announce`,
    });
    t.after(async () => {
      await client[Symbol.asyncDispose]();
      if (!t.passed) t.diagnostic(`the ${role}, ${client.name} at ${client.host}:${port}, printed:\n${client.output}`);
    });
    return client;
  }

  /** Waits until the API shows just this of the torrent's swarm. */
  async shows(torrent: Torrent, expected: Swarm): Promise<void> {
    const peers = inOrder(expected.peers);
    await this.#showsContent(torrent, (content) => {
      const shown = content.peers.map(({ host, port, left }) => ({ host, port, left }));
      assert.deepEqual({ ...countsOf(content), peers: inOrder(shown) }, { ...countsOf(expected), peers });
    });
  }

  /** Waits until the API shows these numbers of the torrent's swarm. */
  async counts(torrent: Torrent, expected: Counts): Promise<void> {
    await this.#showsContent(torrent, (content) => assert.deepEqual(countsOf(content), expected));
  }

  /** When the only peer of the torrent was last heard of; undefined without one. */
  async lastSeen(torrent: Torrent): Promise<number | undefined> {
    const content = await this.#api.content(torrent.infoHash);
    return content?.peers[0]?.lastSeen;
  }

  async #showsContent(torrent: Torrent, check: (content: Swarm) => void): Promise<void> {
    await waitFor(
      'the tracker to show the swarm',
      async () => {
        const content = await this.#api.content(torrent.infoHash);
        assert.ok(content !== undefined, 'nobody announced');
        check(content);
        return true;
      },
      PATIENCE_MS,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }
}

function countsOf({ seeders, leechers, completed }: Counts): Counts {
  return { seeders, leechers, completed };
}

function inOrder(peers: Swarm['peers']): Swarm['peers'] {
  return peers.toSorted((a, b) => a.port - b.port);
}
