import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { RunningProcess } from '../harness/running-process.ts';
import type { HostName, Place } from './place.ts';

/** For all transfers of a test: clients hand out upload slots every ten seconds, each in its own time. */
export const PATIENCE_MS = 120_000;

/** What `share` says of a content. */
export interface Shared {
  readonly sha1: string;
  readonly name: string;
  readonly magnet: string;
  /** The torrent file. */
  readonly torrent: string;
  readonly port: number;
}

/** What `get` says when all of a content is there. */
export interface Got {
  readonly sha1: string;
  readonly bytes: number;
  /** Bytes that came from peers. */
  readonly fetched: number;
  readonly seconds: number;
}

/** Shares what lies at the paths, on a host; resolves when others can get it. */
export async function share(
  t: TestContext,
  place: Place,
  host: HostName,
  paths: readonly string[],
  ...args: string[]
): Promise<{ process: RunningProcess; shared: Shared[] }> {
  const process = place.swarmkeeper(t, host, 'share', ...paths, ...args);
  const shared = await process.until('all is shared', () => {
    const lines = process.jsonLines.filter(({ event }) => event === 'seeding') as unknown as Shared[];
    return lines.length === paths.length ? lines : undefined;
  });
  return { process, shared };
}

/** Begins to get contents into a folder; each goes on to be shared unless `args` say otherwise. */
export function get(
  t: TestContext,
  place: Place,
  host: HostName,
  folder: string,
  what: readonly string[],
  ...args: string[]
): Getting {
  return new Getting(place.swarmkeeper(t, host, 'get', ...what, '-o', folder, ...args), what.length);
}

export class Getting {
  readonly process: RunningProcess;
  readonly #count: number;

  constructor(process: RunningProcess, count: number) {
    this.process = process;
    this.#count = count;
  }

  /** The most peers that it said to be connected to, for one content. */
  get mostPeers(): number {
    return Math.max(0, ...this.process.jsonLines.map(({ event, peers }) => (event === 'progress' ? Number(peers) : 0)));
  }

  /** Waits until it says that it is connected to so many peers. */
  async connects(peers: number): Promise<void> {
    await this.process.until(`it is connected to ${peers} peers`, () => this.mostPeers >= peers, PATIENCE_MS);
  }

  /** Waits until everything is there. */
  async done(): Promise<Got[]> {
    const got = await this.process.until(
      'everything is got',
      () => {
        const lines = this.process.jsonLines.filter(({ event }) => event === 'done') as unknown as Got[];
        return lines.length === this.#count ? lines : undefined;
      },
      PATIENCE_MS,
    );
    return got;
  }
}

/** Asks it to leave, as Ctrl-C does, and waits until it did. */
export async function leave(process: RunningProcess): Promise<void> {
  process.kill('SIGINT');
  const { code, stderr } = await process.ended();
  assert.equal(code, 0, stderr);
}
