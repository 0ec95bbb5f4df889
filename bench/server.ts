/**
 * A server under test: a process pinned to its own core, and what `/proc` says of it.
 *
 * Core 0 belongs to the server, core 1 to the load.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { SERVER_CPU } from './cpus.ts';
import type { Population } from './load.ts';

/** How long a server may take until it is ready, and to end after SIGTERM before it is killed. */
const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 10_000;

/** So much of what a server last wrote to stderr is kept, to say why it failed. */
const STDERR_CHARACTERS = 4_000;

export interface StartOptions {
  population: Population;
  /** A directory of its own; kept between two starts of one measurement, so a restart finds what was there. */
  directory: string;
  /** UDP and HTTP; 0 takes a free one. */
  port: number;
}

/** What a rival, or Swarmkeeper, must offer to be measured. */
export interface ServerUnderTest {
  readonly name: string;
  /** Keeps its peers on disk, so a restart is measured. */
  readonly durable: boolean;
  /** Answers any datagram and keeps nothing; only steady announces make sense. */
  readonly echo: boolean;
  /** More peers than this take too long or too much memory. */
  readonly maxPeers: number;
  start(options: StartOptions): Promise<RunningServer>;
}

export interface RunningServer {
  /** UDP and HTTP. */
  readonly port: number;
  readonly pid: number;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export class ServerFailedError extends Error {
  readonly code = 'BENCH_SERVER_FAILED';
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Starts a program on the server's core. `ready` waits until it answers and returns its port.
 *
 * @throws ServerFailedError when the program ends, or START_DEADLINE_MS pass, before `ready` settles.
 */
export async function startPinned(
  [program, ...args]: [string, ...string[]],
  ready: (child: ChildProcess) => Promise<number>,
  cwd?: string,
): Promise<RunningServer> {
  const child = spawn('taskset', ['-c', String(SERVER_CPU), program, ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr = (stderr + chunk).slice(-STDERR_CHARACTERS);
  });
  const ended = once(child, 'close').finally(() => running.delete(child));
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal);
    const patience = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
    await ended;
    clearTimeout(patience);
  };
  const port = await Promise.race([
    ready(child),
    ended.then(() => `ended with ${child.exitCode ?? child.signalCode}`),
    delay(START_DEADLINE_MS, `was not ready within ${START_DEADLINE_MS} ms`, { ref: false }),
  ]);
  if (typeof port === 'string') {
    await stop('SIGKILL');
    throw new ServerFailedError(`${program} ${port}: ${reasonIn(stderr)}`);
  }
  child.stdout.resume();
  return { port, pid: child.pid!, stop };
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

/** Resident memory in bytes. */
export function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1]) * 1024;
}
