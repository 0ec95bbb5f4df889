import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { DEADLINE_MS, waitFor } from './wait-for.ts';

export interface Ended {
  /** Exit code, or null after a signal. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProcessOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly stdin?: 'ignore' | 'pipe';
}

/** A process whose output is kept. Disposing of it kills it and waits. */
export class RunningProcess {
  readonly pid: number;
  stdout = '';
  stderr = '';
  readonly #child: ChildProcess;
  readonly #ended: Promise<Ended>;

  /** @param options.stdin `pipe` for a process that is told things */
  constructor(program: string, args: readonly string[], options: ProcessOptions = {}) {
    const { env = process.env, stdin = 'ignore' } = options;
    const child = spawn(program, args, { env, stdio: [stdin, 'pipe', 'pipe'] });
    if (child.pid === undefined) throw new Error(`${program} cannot be started`);
    this.pid = child.pid;
    this.#child = child;
    // A process that ended takes no more input; its end says why.
    child.stdin?.on('error', () => {});
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.#ended = once(child, 'close').then(([code, signal]) => ({
      code,
      signal,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The complete lines of stdout that are JSON objects, parsed. */
  get jsonLines(): Record<string, unknown>[] {
    return this.stdout
      .split('\n')
      .slice(0, -1)
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
  }

  /** Writes a line to its stdin. */
  tell(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  /** Sends a signal to this very process. */
  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits for something that it does, and yields that; fails at once, with its output, when the process ends first. */
  async until<T>(what: string, condition: () => T | Promise<T>, deadlineMs = DEADLINE_MS): Promise<NonNullable<T>> {
    let ended = false;
    const found = await waitFor(
      what,
      async () => {
        // Asked first: what it did before its end counts.
        ended = !this.running;
        return (await condition()) || ended;
      },
      deadlineMs,
    );
    if (found !== true || !ended) return found as NonNullable<T>;
    const { code, stdout, stderr } = await this.ended();
    const last = await condition();
    if (last) return last;
    throw new Error(`the process ended with ${code} before ${what}:\n${stdout}${stderr}`);
  }

  /** Waits for the end of the process, killing it at the deadline. */
  async ended(deadlineMs = DEADLINE_MS): Promise<Ended> {
    await waitFor('the end of the process', () => !this.running, deadlineMs).catch(() => this.kill('SIGKILL'));
    return await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.running) this.kill('SIGKILL');
    await this.#ended;
  }
}
