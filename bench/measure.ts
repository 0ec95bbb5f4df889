/** One server in one round: started fresh, filled, measured, stopped. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Census, type Latency, type Population, runLoad, type Throughput } from './load.ts';
import { type RunningServer, residentBytes, type ServerUnderTest } from './server.ts';

/** What can be asked for. Arrivals and memory come with everything, because everything needs the peers. */
export const PARTS = ['arrivals', 'steady', 'http', 'latency', 'restart'] as const;
export type Part = (typeof PARTS)[number];

/** Peers in a swarm, whatever the number of peers: more than numwant, so that every reply is full. */
export const SWARM_SIZE = 50;

/** Before memory is read and steady announces begin: what a server still does after the last arrival may end. */
const SETTLE_MS = 2_000;

export interface Plan {
  parts: ReadonlySet<Part>;
  peers: number;
  /** Of each of steady, HTTP and latency. */
  seconds: number;
  /** Holds the servers' directories. */
  directory: string;
}

export interface Measurement {
  population: Population;
  arrivals?: Throughput;
  steady?: Throughput;
  http?: Throughput;
  /** At half of the steady rate of the same round. */
  latency?: Latency;
  /** Resident, in bytes. */
  memory?: { empty: number; full: number };
  /** All swarms counted after everything else. */
  census?: Census;
  /** From the start of the new process, after SIGKILL of the old one, to the first correct answer. */
  restart?: { seconds: number; census: Census };
}

export async function measure(server: ServerUnderTest, plan: Plan): Promise<Measurement> {
  const peers = Math.min(plan.peers, server.maxPeers);
  const population = { peers, hashes: Math.max(1, Math.round(peers / SWARM_SIZE)) };
  const directory = join(plan.directory, server.name.replaceAll(' ', '-'));
  rmSync(directory, { recursive: true, force: true });
  const start = (port: number) => server.start({ population, directory, port });
  const result: Measurement = { population };
  let instance = await start(0);
  try {
    if (server.echo) {
      result.steady = await runLoad('steady', instance, population, { seconds: plan.seconds, echo: true });
      return result;
    }
    await fill(instance, result);
    await announceAgain(instance, plan, result);
    result.census = await runLoad('verify', instance, population);
    if (server.durable && plan.parts.has('restart')) {
      await instance.stop('SIGKILL');
      const began = performance.now();
      const answering = runLoad('ready', instance, population).then(() => (performance.now() - began) / 1000);
      const [seconds, again] = await Promise.all([answering, start(instance.port)]);
      instance = again;
      result.restart = { seconds, census: await runLoad('verify', instance, population) };
    }
    return result;
  } finally {
    await instance.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function fill(server: RunningServer, result: Measurement): Promise<void> {
  const empty = residentBytes(server.pid);
  result.arrivals = await runLoad('arrivals', server, result.population);
  await delay(SETTLE_MS);
  result.memory = { empty, full: residentBytes(server.pid) };
}

async function announceAgain(server: RunningServer, plan: Plan, result: Measurement): Promise<void> {
  const { parts, seconds } = plan;
  if (parts.has('steady') || parts.has('latency')) {
    result.steady = await runLoad('steady', server, result.population, { seconds });
  }
  if (parts.has('latency')) {
    result.latency = await runLoad('rate', server, result.population, { seconds, rate: result.steady!.perSecond / 2 });
  }
  if (parts.has('http')) result.http = await runLoad('http', server, result.population, { seconds });
}
