import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { LogClient, type Subscriber } from '../log-client.ts';
import type { RunningLog } from '../running-log.ts';
import { temporaryFolder } from '../storage/storage-faults.ts';
import { type RaftLogOptions, startRaftLog } from './raft.ts';

/** Some members in one process, each with its threads and its folder, on a multicast group of their own. */
export class TestCluster {
  readonly members: TestMember[] = [];
  readonly options: Partial<RaftLogOptions>;
  readonly #folder: string;

  constructor(t: TestContext, options: Partial<RaftLogOptions> & { readonly expect: number }) {
    this.#folder = temporaryFolder();
    this.options = { memberGroup: { host: '239.255.77.70', port: randomInt(20_000, 30_000) }, ...options };
    t.after(() => this.close());
  }

  /** Starts the member of that name, or starts it again on its folder. */
  async start(name: string, other: Partial<RaftLogOptions> = {}): Promise<TestMember> {
    const options = {
      cluster: 'test',
      name,
      folder: this.folderOf(name),
      host: '127.0.0.1',
      memberPort: 0,
      clientPort: 6969,
      expect: 1,
      ...this.options,
      ...other,
    };
    const member = await TestMember.start(options);
    this.members.push(member);
    return member;
  }

  /** As many as are expected, and a master that may answer. */
  async form(): Promise<TestMember> {
    const names = ['a', 'b', 'c', 'd', 'e'].slice(0, this.options.expect);
    for (const name of names) await this.start(name);
    return this.master();
  }

  folderOf(name: string): string {
    return join(this.#folder, name);
  }

  get alive(): TestMember[] {
    return this.members.filter((member) => member.alive);
  }

  /** The one that may answer; waits until there is one. */
  async master(): Promise<TestMember> {
    let master: TestMember | undefined;
    await until(
      () => {
        master = this.alive.find(({ client }) => client.mayAnswer());
        return master !== undefined;
      },
      () => `an instance may answer: ${this.describe()}`,
    );
    return master!;
  }

  /** For the message of a test that fails. */
  describe(): string {
    const lines = this.alive.map(({ name, failure, client: { status } }) => {
      const { self, role, term, master, commitIndex, members } = status;
      const alive = members.filter((member) => member.alive).length;
      return `${name} ${self.slice(0, 4)} ${role} of term ${term}, master ${master?.slice(0, 4)}, committed ${commitIndex}, sees ${alive} of ${members.length}${failure ? `, failed: ${failure.message}` : ''}`;
    });
    return lines.join('; ');
  }

  /** Every living member has applied up to `index`. */
  async applied(index: bigint): Promise<void> {
    await until(
      () => this.alive.every(({ position }) => position >= index),
      () => `all have applied ${index}: ${this.describe()}`,
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.alive.map((member) => member.close()));
  }
}

export class TestMember {
  readonly name: string;
  readonly log: RunningLog;
  readonly client: LogClient;
  readonly warnings: string[];
  /** What was applied, as "index text". */
  entries: string[] = [];
  position = 0n;
  /** Snapshots that took the place of `entries`. */
  restored = 0;
  alive = true;
  /** Why it stopped by itself. */
  failure: Error | undefined;
  readonly #worker: Worker;

  static async start(options: RaftLogOptions): Promise<TestMember> {
    const warnings: string[] = [];
    // RunningLog itself only stops in an orderly way: the thread is the test's to kill.
    const started = new Promise<Worker>((resolve) => process.once('worker', resolve));
    const log = await startRaftLog(options, (warning) => warnings.push(warning));
    const client = await LogClient.connect(log.connect());
    return new TestMember({ name: options.name, log, client, warnings, worker: await started });
  }

  private constructor(parts: {
    name: string;
    log: RunningLog;
    client: LogClient;
    warnings: string[];
    worker: Worker;
  }) {
    this.name = parts.name;
    this.log = parts.log;
    this.client = parts.client;
    this.warnings = parts.warnings;
    this.#worker = parts.worker;
    this.client.subscribe(0n, this.#tables());
    void Promise.race([this.client.failed, this.log.failed]).then((error) => {
      this.failure = error;
    });
  }

  #tables(): Subscriber {
    return {
      apply: (index, batch) => this.entries.push(`${index} ${Buffer.from(batch)}`),
      delivered: (index) => {
        this.position = index;
      },
      snapshot: async (path) => {
        writeFileSync(path, JSON.stringify(this.entries));
        return this.position;
      },
      restore: (_, path) => {
        this.entries = JSON.parse(readFileSync(path, 'utf8'));
        this.restored++;
      },
    };
  }

  /** Ends it as a crash would. */
  async crash(): Promise<void> {
    this.alive = false;
    await this.#worker.terminate();
  }

  async close(): Promise<void> {
    this.alive = false;
    await this.log.close();
  }
}

export async function until(condition: () => boolean, what: string | (() => string)): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!condition()) {
    if (performance.now() > deadline) assert.fail(`not in time: ${typeof what === 'string' ? what : what()}`);
    await sleep(POLL_MS);
  }
}

const DEADLINE_MS = 20_000;
const POLL_MS = 5;
