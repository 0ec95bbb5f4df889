/**
 * A server under test: a process pinned to its own core, and what `/proc` says of it.
 *
 * Core 0 belongs to the server, core 1 to the load.
 */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { SERVER_CPU } from './cpus.ts';
import type { Population } from './load.ts';
import { startProgram } from './program.ts';

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

/**
 * Starts a program on the server's core. `ready` waits until it answers and returns its port.
 *
 * @throws ProgramFailedError when it is not ready in time
 */
export async function startPinned(
  command: readonly [string, ...string[]],
  ready: (child: ChildProcess) => Promise<number>,
  cwd?: string,
): Promise<RunningServer> {
  const program = await startProgram(command, ready, { cpus: [SERVER_CPU], ...(cwd !== undefined && { cwd }) });
  return { port: program.ready, pid: program.pid, stop: program.stop };
}

/** Resident memory in bytes. */
export function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1]) * 1024;
}
