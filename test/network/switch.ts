import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { RunningProcess } from '../harness/running-process.ts';
import { temporaryFolder } from '../harness/start-swarmkeeper.ts';

const SOURCE = join(import.meta.dirname, 'switch.c');
const FLAGS = ['-O2', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror'];

/** What happens to frames on their way from one port to another. */
export interface Path {
  /** `groups` are multicast frames but for broadcasts, without which no address is found. Nothing by default. */
  readonly block?: 'nothing' | 'groups' | 'everything';
  /** Share of frames that never arrive: 0 to 1, in steps of a thousandth. */
  readonly loss?: number;
  /** Share of frames that arrive twice. */
  readonly duplicates?: number;
  readonly delayMs?: number;
  /** Each frame takes up to so much longer, drawn for each: frames overtake each other. */
  readonly jitterMs?: number;
}

export interface PathCounts {
  readonly from: string;
  readonly to: string;
  readonly forwarded: number;
  readonly blocked: number;
  readonly lost: number;
  readonly duplicated: number;
  /** Frames due before one that came earlier. */
  readonly overtaken: number;
  /** Lost because too many waited. */
  readonly overflowed: number;
}

/** One end of a veth pair; the far end is still beside it. */
export interface Port {
  readonly name: string;
  readonly device: string;
  readonly farEnd: string;
}

/** The Ethernet switch that the hosts of a test are plugged into: `switch.c`, compiled each time, as a process. */
export class Switch implements AsyncDisposable {
  readonly #process: RunningProcess;
  #told = 0;

  /** Started in the network namespace that this thread is in; resolves when frames are forwarded. */
  static async start(ports: readonly Port[], seed: number): Promise<Switch> {
    await using folder = await temporaryFolder();
    const program = join(folder.path, 'switch');
    const { status, stderr } = spawnSync('cc', [...FLAGS, '-o', program, SOURCE], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`switch.c cannot be compiled: ${stderr}`);
    const named = ports.map(({ name, device, farEnd }) => `${name}=${device},${farEnd}`);
    const process = new RunningProcess(program, [String(seed), ...named], { stdin: 'pipe' });
    await process.until('the switch is ready', () => process.jsonLines.some(({ event }) => event === 'ready'));
    return new Switch(process);
  }

  private constructor(process: RunningProcess) {
    this.#process = process;
  }

  /** Sets several paths at once. When it resolves, every frame goes by them. */
  async setPaths(paths: readonly { readonly from: string; readonly to: string; readonly path: Path }[]): Promise<void> {
    const lines = paths.map(({ from, to, path }) => {
      const { block = 'nothing', loss = 0, duplicates = 0, delayMs = 0, jitterMs = 0 } = path;
      const numbers = [loss, duplicates, delayMs, jitterMs].map((each) => Math.round(each * 1_000));
      return ['path', from, to, block, ...numbers].join(' ');
    });
    await this.#tell(lines);
  }

  async counts(): Promise<PathCounts[]> {
    const printed = this.#process.jsonLines.length;
    await this.#tell(['counts']);
    const lines = this.#process.jsonLines.slice(printed).filter((line) => 'from' in line);
    return lines as unknown as PathCounts[];
  }

  async #tell(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    this.#told += lines.length;
    const goal = this.#told;
    this.#process.tell(lines.join('\n'));
    await this.#process.until('the switch has done as it was told', () =>
      this.#process.jsonLines.some(({ done }) => done === goal),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}
