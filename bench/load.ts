/** Runs one phase of the load generator (load.c) on the load's core and reads its result. */
import { execFile, execFileSync } from 'node:child_process';
import { compileLoad } from './compile.ts';
import { LOAD_CPU, SERVER_CPU } from './cpus.ts';

/** Who the peers are; the same numbers name the same peers in every phase (load/population.h). */
export interface Population {
  readonly peers: number;
  readonly hashes: number;
}

/** What `arrivals`, `steady` and `http` print. Shares are 0 to 1. */
export interface Throughput {
  /** All answers were right and complete. */
  ok: boolean;
  perSecond: number;
  acknowledged: number;
  peersPerReply: number;
  /** Wrong answers of every kind. */
  errors: number;
  /** UDP only. */
  retransmitted?: number;
  /** Share of the time in which the load had nothing to do: near 0, the load was the limit. */
  loadIdle: number;
  /** UDP only: share of the time in which others used the load's core. Above a few percent the machine is too busy. */
  loadHeldUp?: number;
  /** Share of the time in which the server's core worked, and in which it worked for somebody else. */
  serverBusy: number;
  othersOnServerCore: number;
  /** With `sliceMs`: acknowledgements in each slice, and when the first one began (`process.hrtime`). */
  slices?: number[];
  beganNs?: number;
}

/** What `rate` prints: latencies in microseconds, from the moment an announce was due to its reply. */
export interface Latency {
  ok: boolean;
  perSecond: number;
  p50Us: number;
  p99Us: number;
  p999Us: number;
  maxUs: number;
  loadHeldUp: number;
  othersOnServerCore: number;
  unanswered: number;
  errors: number;
}

/** What `verify` prints: peers counted by scrapes of every swarm, against what was registered. */
export interface Census {
  ok: boolean;
  expected: number;
  found: number;
  missing: number;
  surplus: number;
  wrongSwarms: number;
}

interface PhaseResults {
  arrivals: Throughput;
  steady: Throughput;
  http: Throughput;
  rate: Latency;
  verify: Census;
  ready: { ok: boolean; seconds: number };
}

export interface LoadOptions {
  seconds?: number;
  /** Announces per second, phase `rate`. */
  rate?: number;
  /** The server only echoes. */
  echo?: boolean;
  /** It runs before others on its core, if the system lets us (only the superuser may). */
  goesFirst?: boolean;
  /** Leave the load's core to others while there is nothing to do, instead of spinning. */
  sleep?: boolean;
  /** Phase `steady`: count in slices of so long, too. */
  sliceMs?: number;
}

export class LoadFailedError extends Error {
  readonly code = 'BENCH_LOAD_FAILED';
}

/** Niceness: some fifteen times the share of a program without one. */
const PRECEDENCE = -12;

/** @throws LoadFailedError when the server does not answer at all; wrong answers are in the result instead. */
export async function runLoad<P extends keyof PhaseResults>(
  phase: P,
  server: { port: number; pid: number },
  population: Population,
  options: LoadOptions = {},
): Promise<PhaseResults[P]> {
  const args = [
    phase,
    '--port',
    server.port,
    '--server-cpu',
    SERVER_CPU,
    '--server-pid',
    server.pid,
    ...populationFlags(population),
  ];
  if (options.seconds !== undefined) args.push('--seconds', options.seconds);
  if (options.rate !== undefined) args.push('--rate', Math.round(options.rate));
  if (options.echo) args.push('--echo');
  if (options.sleep) args.push('--sleep');
  if (options.sliceMs !== undefined) args.push('--slice-ms', options.sliceMs);
  const goFirst = options.goesFirst ? ['nice', '-n', PRECEDENCE] : [];
  const command = ['-c', LOAD_CPU, ...goFirst, compileLoad(), ...args].map(String);
  return new Promise((resolve, reject) => {
    execFile('taskset', command, (error, stdout, stderr) => {
      if (stdout.startsWith('{')) resolve(JSON.parse(stdout));
      else reject(new LoadFailedError(`phase ${phase}: ${stderr.trim() || error?.message || 'no result'}`));
    });
  });
}

/** The info-hashes of a population in hex, for a tracker that wants a list of what it may serve. */
export function populationHashes(population: Population): string[] {
  const lines = execFileSync(compileLoad(), ['hashes', ...populationFlags(population).map(String)], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return lines.trimEnd().split('\n');
}

function populationFlags({ peers, hashes }: Population): (string | number)[] {
  return ['--peers', peers, '--hashes', hashes];
}
