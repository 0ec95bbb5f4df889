import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Members as processes that can be killed; each proposes while it is the master (`proposal-storm.ts`). */
export class ProcessCluster {
  /** What was acknowledged, as "index batch", in the order in which this process read of it. */
  readonly acknowledged: string[] = [];
  readonly folder: string;
  readonly #names: readonly string[];
  readonly #groupPort: number;
  readonly #children = new Map<string, ChildProcess>();
  #waiting: { name: (name: string) => boolean; resolve: (name: string) => void } | undefined;

  constructor(folder: string, names: readonly string[], groupPort: number) {
    this.folder = folder;
    this.#names = names;
    this.#groupPort = groupPort;
  }

  start(name: string): void {
    const program = join(import.meta.dirname, 'proposal-storm.ts');
    const options = [join(this.folder, name), name, String(this.#names.length), String(this.#groupPort)];
    const child = spawn(process.execPath, [program, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#children.set(name, child);
    createInterface({ input: child.stdout! }).on('line', (line) => {
      this.acknowledged.push(line);
      const { pid } = child;
      // What a dead process had said before is not news of its successor.
      if (this.#children.get(name)?.pid === pid && this.#waiting?.name(name)) this.#waiting.resolve(name);
    });
  }

  /** The next process, of those not excluded, that has something acknowledged. */
  nextMaster(except?: string): Promise<string> {
    return new Promise((resolve) => {
      this.#waiting = { name: (name) => name !== except, resolve };
    });
  }

  async kill(name: string): Promise<void> {
    const child = this.#children.get(name);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    // Its last lines are read before 'close'.
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
  }

  async killAll(): Promise<void> {
    await Promise.all([...this.#children.keys()].map((name) => this.kill(name)));
  }
}

/** Prints a line for whoever started this process, at once: what was printed before a kill is read after it. */
export function printLine(line: string): void {
  const bytes = Buffer.from(`${line}\n`);
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(STDOUT, bytes, written);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      // The reader is slow and the pipe is full.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PIPE_PAUSE_MS);
    }
  }
}

const STDOUT = 1;
const FULL_PIPE_PAUSE_MS = 1;
