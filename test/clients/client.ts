import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunningProcess } from '../harness/running-process.ts';
import type { Family } from './private-network.ts';
import type { Torrent } from './torrent.ts';

/**
 * For a transfer and what comes of it: clients hand out upload slots every ten seconds, each in its own time. When a datagram
 * of Transmission's is lost, as in an election, it takes a minute to find that out, and another half to try again.
 */
export const PATIENCE_MS = 180_000;

/** How a client asks the tracker. */
export interface Transport {
  readonly protocol: 'udp' | 'http';
  readonly family: Family;
}

/** A BitTorrent program, with all its ways to find peers but the tracker switched off. */
export interface ClientProgram {
  readonly name: string;
  /** What is missing to run it, for a test's `skip`; false when all is there. Throws under CI=true. */
  missing(): string | false;
  /** Why it cannot announce by this transport, whatever the tracker does; undefined when it can. */
  cannot(transport: Transport): string | undefined;
  /** Whether it cannot read the peers in a reply by this transport, so that they have to find it. */
  ignoresPeers(transport: Transport): boolean;
  /** Whether it scrapes by this transport, so that `scrape` is of use. */
  scrapes(transport: Transport): boolean;
  /** Whether it needs a host name for the tracker, because it cannot read the address itself in a URL. */
  needsName(transport: Transport): boolean;
  /** Runs it; it adds the torrent at once and verifies what is in the folder already. */
  start(task: ClientTask): Promise<RunningClient>;
}

/** One client with one torrent. */
export interface ClientTask {
  /** Its own address, for peers and for what it says to the tracker. */
  readonly host: string;
  /** For peers, TCP; the next port is for whatever controls the client. */
  readonly port: number;
  /** File of the torrent. */
  readonly metainfoPath: string;
  /** Where the content is or is to come. */
  readonly downloadFolder: string;
  /** Of its own, for settings and caches. */
  readonly homeFolder: string;
}

export interface RunningClient {
  readonly process: RunningProcess;
  /** Waits until the client says that all of the content is there. */
  complete(): Promise<void>;
  /** Waits for what the tracker says of the torrent to a scrape by the client; not there if the client never scrapes. */
  scrape?(): Promise<Scrape>;
  /** Makes it announce once more; not there if it does so at the interval that the tracker asks for. */
  announceAgain?(): void;
  /** Asks it to leave the swarm as a user would, so that it says goodbye to the tracker. */
  stop(): Promise<void>;
}

export interface Scrape {
  readonly seeders: number;
  readonly leechers: number;
  readonly completed: number;
}

export interface Place {
  readonly host: string;
  readonly port: number;
  /** Where the client may keep everything. */
  readonly folder: string;
  /** Of the tracker. */
  readonly announceUrl: string;
}

/** A program at a place of its own, which offers a torrent's content or fetches it. Disposing of it kills it. */
export class Client {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly #program: ClientProgram;
  readonly #place: Place;
  #running: RunningClient | undefined;

  constructor(program: ClientProgram, place: Place) {
    this.name = program.name;
    this.host = place.host;
    this.port = place.port;
    this.#program = program;
    this.#place = place;
  }

  /** Has all of the content from the start. */
  async seed(torrent: Torrent): Promise<void> {
    await mkdir(this.#downloads, { recursive: true });
    await writeFile(join(this.#downloads, torrent.name), torrent.content);
    await this.#start(torrent);
  }

  /** Has nothing of the content yet, and looks for peers who have. */
  async fetch(torrent: Torrent): Promise<void> {
    await mkdir(this.#downloads, { recursive: true });
    await this.#start(torrent);
  }

  /** Waits until the client has everything, and reads it. */
  async fetched(torrent: Torrent): Promise<Uint8Array> {
    await this.#started.complete();
    return readFile(join(this.#downloads, torrent.name));
  }

  /** Waits until the client knows what the tracker says to its scrape. */
  async scrape(): Promise<Scrape> {
    const { scrape } = this.#started;
    if (scrape === undefined) throw new Error(`${this.name} never scrapes`);
    return scrape();
  }

  /** Sees to it that it announces once more before long. */
  announceAgain(): void {
    this.#started.announceAgain?.();
  }

  /** Leaves the swarm. */
  async stop(): Promise<void> {
    await this.#started.stop();
  }

  /** What it printed so far. */
  get output(): string {
    const process = this.#running?.process;
    return process === undefined ? '' : process.stdout + process.stderr;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running?.process[Symbol.asyncDispose]();
  }

  async #start(torrent: Torrent): Promise<void> {
    const { host, port } = this;
    const homeFolder = join(this.#place.folder, 'home');
    const metainfoPath = join(this.#place.folder, `${torrent.name}.torrent`);
    await mkdir(homeFolder, { recursive: true });
    await writeFile(metainfoPath, torrent.metainfo(this.#place.announceUrl));
    this.#running = await this.#program.start({
      host,
      port,
      metainfoPath,
      downloadFolder: this.#downloads,
      homeFolder,
    });
  }

  get #downloads(): string {
    return join(this.#place.folder, 'downloads');
  }

  get #started(): RunningClient {
    if (this.#running === undefined) throw new Error(`${this.name} neither seeds nor fetches yet`);
    return this.#running;
  }
}

/** The environment of a client: nothing of the user's settings, and no proxy between it and the tracker. */
export function bareEnvironment(homeFolder: string): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, HOME: homeFolder, LANG: 'C.UTF-8' };
}
