/** etcd, as Debian packages it: three members on loopback, asked through its HTTP gateway. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { NotSettledError } from '../instances.ts';
import { type Program, startProgram } from '../program.ts';
import { freePort } from '../rivals/free-port.ts';
import { PuttingClient } from './putting-client.ts';
import { MEMBERS, type Member, type RunningSystem, type System } from './system.ts';

interface Timing {
  heartbeatMs: number;
  electionMs: number;
}

/** 100 and 1000 are what etcd takes by itself. */
export const etcd = etcdWith('etcd', { heartbeatMs: 100, electionMs: 1000 });
/** Half of that: what its tuning guide leaves for a fast and even network, with room for a slow sync. */
export const etcdTuned = etcdWith('etcd tuned', { heartbeatMs: 50, electionMs: 500 });

const POLL_MS = 20;
const SETTLE_DEADLINE_MS = 30_000;
const REQUEST_DEADLINE_MS = 1_000;

function etcdWith(name: string, timing: Timing): System {
  return { name, start: (directory) => startEtcd(directory, timing) };
}

async function startEtcd(directory: string, timing: Timing): Promise<RunningSystem> {
  mkdirSync(directory, { recursive: true });
  const addresses = await Promise.all(
    Array.from({ length: MEMBERS }, async () => ({ client: await freePort(), peer: await freePort() })),
  );
  const initial = addresses.map(({ peer }, i) => `m${i}=http://127.0.0.1:${peer}`).join(',');
  const members = await Promise.all(
    addresses.map(({ client, peer }, i) => {
      const [own, among] = [`http://127.0.0.1:${client}`, `http://127.0.0.1:${peer}`];
      return EtcdMember.start(own, [
        'etcd',
        ...['--name', `m${i}`, '--data-dir', join(directory, `m${i}`)],
        ...['--listen-client-urls', own, '--advertise-client-urls', own],
        ...['--listen-peer-urls', among, '--initial-advertise-peer-urls', among],
        ...['--initial-cluster', initial, '--initial-cluster-token', `bench-${process.pid}`],
        ...['--heartbeat-interval', `${timing.heartbeatMs}`, '--election-timeout', `${timing.electionMs}`],
        ...['--logger', 'zap', '--log-level', 'error'],
      ]);
    }),
  );
  return {
    members,
    settled: () => settled(members),
    async stepDown(master) {
      const heir = members.find((member) => member !== master)!;
      const { header } = await heir.status();
      await (master as EtcdMember).post('/v3/maintenance/transfer-leadership', { targetID: header.member_id });
    },
    clients: async (survivor) => [new PuttingClient('survivor', (survivor as EtcdMember).url)],
    async close() {
      await Promise.all(members.map((member) => member.stop()));
    },
  };
}

/** Of `/v3/maintenance/status`; numbers come as strings. */
interface Status {
  header: { member_id: string };
  leader?: string;
  raftIndex: string;
  raftAppliedIndex: string;
}

class EtcdMember implements Member {
  readonly name: string;
  readonly url: string;
  readonly #command: readonly [string, ...string[]];
  #program: Program<void>;

  static async start(url: string, command: readonly [string, ...string[]]): Promise<EtcdMember> {
    return new EtcdMember(url, command, await startProgram(command, () => healthy(url)));
  }

  private constructor(url: string, command: readonly [string, ...string[]], program: Program<void>) {
    this.name = command[2]!;
    this.url = url;
    this.#command = command;
    this.#program = program;
  }

  get pid(): number {
    return this.#program.pid;
  }

  get ended(): Promise<unknown> {
    return this.#program.ended;
  }

  kill(signal: NodeJS.Signals): void {
    this.#program.kill(signal);
  }

  async restart(): Promise<void> {
    await this.#program.ended;
    this.#program = await startProgram(this.#command, () => healthy(this.url));
  }

  stop(): Promise<void> {
    return this.#program.stop('SIGKILL');
  }

  status(): Promise<Status> {
    return this.post('/v3/maintenance/status', {});
  }

  async post<T>(path: string, body: object): Promise<T> {
    const signal = AbortSignal.timeout(REQUEST_DEADLINE_MS);
    const response = await fetch(this.url + path, { method: 'POST', body: JSON.stringify(body), signal });
    if (!response.ok) throw new Error(`etcd ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }
}

/** It answers that as soon as it knows a leader. */
async function healthy(url: string): Promise<void> {
  for (;;) {
    const ok = await fetch(`${url}/health`, { signal: AbortSignal.timeout(REQUEST_DEADLINE_MS) }).then(
      async (response) => response.ok && ((await response.json()) as { health: string }).health === 'true',
      () => false,
    );
    if (ok) return;
    await delay(POLL_MS);
  }
}

async function settled(members: readonly EtcdMember[]): Promise<EtcdMember> {
  const deadline = performance.now() + SETTLE_DEADLINE_MS;
  let target: bigint | undefined;
  while (performance.now() < deadline) {
    const all = await Promise.all(members.map((member) => member.status().catch(() => undefined)));
    const leader = all.findIndex((status) => status?.leader !== undefined && status.leader === status.header.member_id);
    if (leader >= 0 && all.every((status) => status?.leader === all[leader]!.leader)) {
      // What was committed when they first agreed; the clients go on, so there is always something newer.
      target ??= BigInt(all[leader]!.raftIndex);
      if (all.every((status) => BigInt(status!.raftAppliedIndex) >= target!)) return members[leader]!;
    }
    await delay(POLL_MS);
  }
  throw new NotSettledError(`etcd did not agree on a leader within ${SETTLE_DEADLINE_MS} ms`);
}
