import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startProgram } from '../program.ts';
import type { BenchContent } from './content.ts';
import { announced } from './events.ts';
import { peakBytes, TrialFailedError } from './trial.ts';

const LAUNCHER = join(import.meta.dirname, '..', '..', 'bin', 'swarmkeeper');
const POLL_MS = 5;
const DEADLINE_MS = 120_000;

export interface Recheck {
  readonly seconds: number;
  readonly mibPerSecond: number;
  readonly peakBytes: number;
}

/** Has the peer daemon re-check a complete content, from the request until it says that it seeds again. */
export async function recheck(directory: string, content: BenchContent): Promise<Recheck> {
  const home = join(directory, 'recheck');
  mkdirSync(home, { recursive: true });
  const command = ['peer', '--data', home, '--host', '127.0.0.1', '--api-port', '0', '--json'];
  const daemon = await startProgram([LAUNCHER, ...command], (child) => announced(child, 'listening'));
  try {
    const contents = `http://127.0.0.1:${daemon.ready.apiPort}/api/v1/contents`;
    const body = { content: content.torrent, folder: content.folder };
    const { sha1 } = await post(contents, body);
    const url = `${contents}/${sha1}`;
    await untilState(url, 'seeding');
    execFileSync('sync');
    const began = performance.now();
    await post(`${url}/recheck`);
    await untilState(url, 'checking');
    await untilState(url, 'seeding');
    const seconds = (performance.now() - began) / 1000;
    return { seconds, mibPerSecond: content.bytes / 2 ** 20 / seconds, peakBytes: peakBytes(daemon.pid) };
  } finally {
    await daemon.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

async function post(url: string, body?: object): Promise<Record<string, unknown>> {
  const json = { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(url, { method: 'POST', ...(body === undefined ? {} : json) });
  if (!response.ok) throw new TrialFailedError(`${url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Record<string, unknown>;
}

async function untilState(url: string, wanted: string): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (performance.now() < deadline) {
    const { state, reason } = (await (await fetch(url)).json()) as { state: string; reason: string | null };
    if (state === wanted) return;
    if (reason !== null) throw new TrialFailedError(`the re-check is paused: ${reason}`);
    await delay(POLL_MS);
  }
  throw new TrialFailedError(`the re-check was not ${wanted} after ${DEADLINE_MS / 1000} s`);
}
