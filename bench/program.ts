/** A program that a benchmark starts, can strike with signals, and that never outlives the benchmark. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

/** How long a program may take until it is ready, and to end after SIGTERM before it is killed. */
const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 10_000;

/** So much of what a program last wrote to stderr is kept, to say why it failed. */
const STDERR_CHARACTERS = 4_000;

export interface Program<Ready> {
  readonly pid: number;
  /** What `ready` found. */
  readonly ready: Ready;
  /** Resolves when it has ended and its output is read. */
  readonly ended: Promise<unknown>;
  kill(signal: NodeJS.Signals): void;
  /** Sends the signal (SIGTERM) and waits for the end; what does not end in time is killed. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface ProgramOptions {
  cwd?: string;
  /** The only processors that it may use; all by default. */
  cpus?: readonly number[];
}

export class ProgramFailedError extends Error {
  readonly code = 'BENCH_PROGRAM_FAILED';
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

/** Ids of all that run now. */
export function runningPids(): number[] {
  return [...running].map(({ pid }) => pid!);
}

/**
 * Starts a program. `ready` waits until it is of use.
 *
 * @throws ProgramFailedError when it ends, or START_DEADLINE_MS pass, before `ready` settles.
 */
export async function startProgram<Ready>(
  command: readonly [string, ...string[]],
  ready: (child: ChildProcess) => Promise<Ready>,
  { cwd, cpus }: ProgramOptions = {},
): Promise<Program<Ready>> {
  // taskset replaces itself with the program, so the process is the program's own.
  const [program, ...args] = cpus === undefined ? command : ['taskset', '-c', cpus.join(','), ...command];
  const child = spawn(program!, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr = (stderr + chunk).slice(-STDERR_CHARACTERS);
  });
  const ended = once(child, 'close').finally(() => running.delete(child));
  const kill = (signal: NodeJS.Signals) => {
    child.kill(signal);
  };
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    kill(signal);
    const patience = setTimeout(() => kill('SIGKILL'), STOP_DEADLINE_MS);
    await ended;
    clearTimeout(patience);
  };
  const outcome = await Promise.race([
    ready(child).then((value) => ({ value })),
    ended.then(() => ({ problem: `ended with ${child.exitCode ?? child.signalCode}` })),
    delay(START_DEADLINE_MS, { problem: `was not ready within ${START_DEADLINE_MS} ms` }, { ref: false }),
  ]);
  if ('problem' in outcome) {
    await stop('SIGKILL');
    throw new ProgramFailedError(`${command[0]} ${outcome.problem}: ${reasonIn(stderr)}`);
  }
  child.stdout.resume();
  return { pid: child.pid!, ready: outcome.value, ended, kill, stop };
}

/** The line that names the error, or the last one. */
function reasonIn(stderr: string): string {
  const lines = stderr.trim().split('\n');
  return lines.find((line) => /error:/i.test(line)) ?? (lines.at(-1) || '(nothing on stderr)');
}

/** Waits for the line `{"event":"listening","clientPort":N,...}`. */
export function announcedPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      if (!line.startsWith('{')) return;
      const event = JSON.parse(line);
      if (event.event === 'listening') resolve(event.clientPort);
    });
  });
}
