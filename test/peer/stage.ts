import assert from 'node:assert/strict';
import { createHash, randomFillSync } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Ended, SwarmkeeperProcess, temporaryFolder } from '../harness/start-swarmkeeper.ts';
import { formatGroup, type TestNetwork, testNetwork } from '../harness/test-network.ts';

/** KiB a second: slow enough that something can happen meanwhile. */
export const SLOWLY = ['--download-rate', '8192'];

/** What `share` says of a content. */
export interface Seeding {
  readonly event: 'seeding';
  readonly sha1: string;
  readonly name: string;
  readonly size: number;
  readonly magnet: string;
  readonly torrent: string;
  readonly port: number;
}

/** What `get` says at the end. */
export interface Done {
  readonly event: 'done';
  readonly sha1: string;
  readonly bytes: number;
  readonly seconds: number;
  /** Bytes that came from peers. */
  readonly fetched: number;
}

/** Where the commands of one test live: folders of their own, one network, loopback only. */
export class Stage {
  readonly folder: string;
  readonly #t: TestContext;
  readonly #network: TestNetwork;

  static async open(t: TestContext, network: TestNetwork = testNetwork()): Promise<Stage> {
    const { path, [Symbol.asyncDispose]: remove } = await temporaryFolder();
    t.after(remove);
    return new Stage(t, path, network);
  }

  private constructor(t: TestContext, folder: string, network: TestNetwork) {
    this.#t = t;
    this.folder = folder;
    this.#network = network;
  }

  /** The options of every peer of the stage. */
  get args(): string[] {
    const { group } = this.#network;
    return ['--group', formatGroup(group), '--interface', '127.0.0.1', '--host', '127.0.0.1', '--json'];
  }

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  /** Starts a command that is ended with the test. Each target folder is remembered in `data`. */
  run(command: string, ...args: string[]): SwarmkeeperProcess {
    const process = new SwarmkeeperProcess([command, ...this.args, '--data', this.path('data'), ...args]);
    this.#t.after(() => process[Symbol.asyncDispose]());
    return process;
  }

  /** Shares what lies at these paths; resolves when peers can get all of it. */
  async share(...args: string[]): Promise<{ process: SwarmkeeperProcess; shared: Seeding[] }> {
    const process = this.run('share', ...args);
    const paths = args.filter((arg) => arg.startsWith(this.folder));
    const shared = await process.until('all is shared', () => {
      const lines = process.jsonLines.filter(({ event }) => event === 'seeding') as unknown as Seeding[];
      return lines.length === paths.length ? lines : undefined;
    });
    return { process, shared };
  }

  /** Gets it into the folder `target`, and ends. */
  async get(what: string, target: string, ...args: string[]): Promise<Done> {
    const process = this.run('get', what, '-o', this.path(target), '--no-seed', ...args);
    return doneOf(await process.ended());
  }

  /** Writes random bytes. */
  async write(path: string, bytes: number): Promise<void> {
    const file = this.path(path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, randomFillSync(new Uint8Array(bytes)));
  }

  /** The same files with the same bytes, and no others. */
  async assertSame(one: string, other: string): Promise<void> {
    assert.deepEqual(await digest(this.path(other)), await digest(this.path(one)));
  }
}

/** Bytes that a `get` has, as it said last. */
export function bytesOf(process: { readonly jsonLines: Record<string, unknown>[] }): number {
  return Number(process.jsonLines.findLast(({ event }) => event === 'progress')?.bytes ?? 0);
}

export function doneOf(ended: Ended): Done {
  assert.equal(ended.code, 0, `${ended.stdout}${ended.stderr}`);
  const line = ended.stdout.split('\n').find((each) => each.includes('"event":"done"'));
  assert.ok(line, ended.stdout);
  return JSON.parse(line);
}

/** The hash of each file at or below `path`. */
async function digest(path: string): Promise<Record<string, string>> {
  const names = await readdir(path, { recursive: true, withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  const hash = async (file: string) =>
    createHash('sha1')
      .update(await readFile(file))
      .digest('hex');
  if (names === undefined) return { '': await hash(path) };
  const files = names.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  const hashed = files.sort().map(async (file) => [file.slice(path.length), await hash(file)]);
  return Object.fromEntries(await Promise.all(hashed));
}
