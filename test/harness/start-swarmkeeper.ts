import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ended, RunningProcess } from './running-process.ts';
import { type TestNetwork, testNetwork } from './test-network.ts';

export type { Ended };

export const SWARMKEEPER = join(import.meta.dirname, '../../bin/swarmkeeper');

/** What a process prints when it is ready. */
export interface Listening {
  readonly event: 'listening';
  readonly clientPort: number;
  readonly memberPort: number;
  readonly pid: number;
  readonly cluster: string;
  readonly name: string;
  readonly hosts: readonly string[];
  readonly data: string;
}

export interface RunOptions {
  /** The program, by default bin/swarmkeeper of this checkout. */
  readonly program?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** A process of the program. */
export class SwarmkeeperProcess extends RunningProcess {
  constructor(args: readonly string[], { program = SWARMKEEPER, env = process.env }: RunOptions = {}) {
    super(program, args, { env });
  }
}

/** Runs a command that ends by itself. */
export async function runSwarmkeeper(args: readonly string[], options?: RunOptions): Promise<Ended> {
  await using process = new SwarmkeeperProcess(args, options);
  return await process.ended();
}

/** A tracker instance that is ready, as a process of its own. */
export interface SwarmkeeperInstance extends AsyncDisposable {
  readonly process: SwarmkeeperProcess;
  readonly pid: number;
  readonly clientPort: number;
  readonly listening: Listening;
  readonly dataDir: string;
  readonly network: TestNetwork;
  /** Of the API and HTTP announces, without a slash at the end. */
  readonly url: string;
  /** SIGTERM by default; waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Ended>;
}

export interface StartOptions extends RunOptions {
  /** `tracker` by default. */
  readonly command?: 'tracker' | 'up';
  /** Added to `--json --port 0 --data ...` and those of the network; a later `--port` wins. */
  readonly args?: readonly string[];
  /** Kept, so that an instance can be started on it again; by default a temporary folder that goes with the instance. */
  readonly dataDir?: string;
  /** One that nobody else is in, by default. */
  readonly network?: TestNetwork;
}

/**
 * Starts an instance on a free port and waits until it listens. `await using` ends it.
 * @throws with its output, when it ends before it listens
 */
export async function startSwarmkeeper(options: StartOptions = {}): Promise<SwarmkeeperInstance> {
  const { command = 'tracker', args = [], network = testNetwork() } = options;
  const own = options.dataDir === undefined ? await temporaryFolder() : undefined;
  const dataDir = options.dataDir ?? own!.path;
  const fixed = [command, '--json', '--port', '0', '--data', dataDir, ...network.args];
  const process = new SwarmkeeperProcess([...fixed, ...args], options);
  const dispose = async () => {
    await process[Symbol.asyncDispose]();
    await own?.[Symbol.asyncDispose]();
  };
  try {
    const line = await process.until('it listens', () => process.jsonLines.find(({ event }) => event === 'listening'));
    const listening = line as unknown as Listening;
    const { clientPort } = listening;
    return {
      process,
      pid: process.pid,
      clientPort,
      listening,
      dataDir,
      network,
      url: `http://127.0.0.1:${clientPort}`,
      stop(signal = 'SIGTERM') {
        process.kill(signal);
        return process.ended();
      },
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** An empty folder that is removed at the end: `await using folder = await temporaryFolder()`. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'swarmkeeper-test-'));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}
