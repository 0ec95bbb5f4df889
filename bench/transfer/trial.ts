import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { BenchContent } from './content.ts';
import { PEER_HOSTS } from './network.ts';
import type { PeerTask, RunningPeer, TransferSystem } from './system.ts';
import type { BenchTracker } from './tracker.ts';
import { WarmMemory } from './warm-memory.ts';

const FIRST_PORT = 7001;
/** No system may be slower than that: about 5 MiB/s. */
const DEADLINE_MS = 240_000;

/** Memory that a leecher uses, as a share of the content: the cache of its files, and its own. */
const MEMORY_SHARE = 1.6;

export interface Trial {
  readonly seeder: TransferSystem;
  readonly leecher: TransferSystem;
  readonly leechers: number;
  readonly content: BenchContent;
}

export interface Transfer {
  /** From the start of the leechers' processes until the last of them said that it has everything. */
  readonly seconds: number;
  /** Of the content, to each of the leechers. */
  readonly mibPerSecond: number;
  /** Until all of it is on the disk, which those that did not bring it there are given time for afterwards. */
  readonly durableSeconds: number;
  /** The most memory that was resident at a time: of the leecher with most, and of the seeder. */
  readonly leecherBytes: number;
  readonly seederBytes: number;
}

export class TrialFailedError extends Error {
  readonly code = 'BENCH_TRIAL_FAILED';
}

/** The peers of a trial; what they leave behind is in `directory`. */
export class Stage {
  readonly directory: string;
  readonly tracker: BenchTracker;
  #trials = 0;

  constructor(directory: string, tracker: BenchTracker) {
    this.directory = directory;
    this.tracker = tracker;
  }

  /** @throws TrialFailedError what arrived is not what was sent, or a peer ended or did not finish */
  async run({ seeder, leecher, leechers, content }: Trial): Promise<Transfer> {
    this.#trials++;
    const tasks = PEER_HOSTS.slice(0, 1 + leechers).map((host, i) =>
      this.#task(host, FIRST_PORT + i, content, i === 0),
    );
    this.tracker.expect(tasks);
    const running: RunningPeer[] = [];
    let memory: WarmMemory | undefined;
    try {
      const [seedTask, ...leechTasks] = tasks;
      const sender = await seeder.seed(seedTask!);
      running.push(sender);
      await this.tracker.knows(seedTask!);
      // What earlier trials wrote is not to be written in this one.
      execFileSync('sync');
      memory = await WarmMemory.take(MEMORY_SHARE * leechers * content.bytes);
      memory.giveWhatIsUsed();
      const began = performance.now();
      const getters = await Promise.all(leechTasks.map((task) => leecher.leech(task)));
      running.push(...getters);
      await Promise.all(running.map(completed));
      const seconds = (performance.now() - began) / 1000;
      execFileSync('sync', ['-f', this.directory]);
      const durableSeconds = (performance.now() - began) / 1000;
      const leecherBytes = Math.max(...getters.map(({ program }) => peakBytes(program.pid)));
      const seederBytes = peakBytes(sender.program.pid);
      await stopAll(running);
      for (const task of leechTasks) compare(task);
      return { seconds, mibPerSecond: content.bytes / 2 ** 20 / seconds, durableSeconds, leecherBytes, seederBytes };
    } finally {
      memory?.release();
      await stopAll(running);
      // Where many files were deleted a moment ago new ones are made up to four times as slowly (ext4 looks for inodes that
      // nobody used lately), so that the next system would suffer for it. Their bytes need not stay in memory.
      if (content.isFolder) emptyFiles(this.#place());
      else rmSync(this.#place(), { recursive: true, force: true });
    }
  }

  /** Of the trial that runs. */
  #place(): string {
    return join(this.directory, `trial-${this.#trials}`);
  }

  #task(host: string, port: number, content: BenchContent, isSeeder: boolean): PeerTask {
    const own = join(this.#place(), `${port}`);
    const folder = isSeeder ? content.folder : join(own, 'files');
    const home = join(own, 'home');
    for (const each of [folder, home]) mkdirSync(each, { recursive: true });
    return { host, port, content, folder, home };
  }
}

function emptyFiles(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) truncateSync(join(entry.parentPath, entry.name));
  }
}

async function completed({ done, program }: RunningPeer): Promise<void> {
  const problem = await Promise.race([
    done.then(() => undefined),
    program.ended.then(() => 'ended before it was done'),
    delay(DEADLINE_MS, `was not done after ${DEADLINE_MS / 1000} s`, { ref: false }),
  ]);
  if (problem !== undefined) throw new TrialFailedError(`a peer ${problem}`);
}

async function stopAll(running: RunningPeer[]): Promise<void> {
  await Promise.all(running.splice(0).map(({ program }) => program.stop()));
}

function compare({ content, folder }: PeerTask): void {
  const { status, stdout, stderr } = spawnSync('diff', ['-rq', content.name, join(folder, content.name)], {
    cwd: content.folder,
    encoding: 'utf8',
  });
  if (status !== 0) throw new TrialFailedError(`what arrived is not what was sent: ${stdout}${stderr}`);
}

/** The most that was resident at a time, in bytes. */
export function peakBytes(pid: number): number {
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1]) * 1024;
}
