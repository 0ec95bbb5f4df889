import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import { LogClient } from '../log-client.ts';
import { MINIMUM_TAIL_ENTRIES } from '../log-messages.ts';
import { bytes, describeReplicatedLog, record } from '../replicated-log.conformance.ts';
import { LOG_FILE, LogStore } from '../storage/log-store.ts';
import { smallDisk, temporaryFolder } from '../storage/storage-faults.ts';
import { startSingleLog } from './single.ts';

const options = (folder: string) => ({ folder, cluster: 'test', name: 'a', address: '127.0.0.1', clientPort: 6969 });

const folders = new WeakMap<TestContext, string>();
describeReplicatedLog('single-instance log', async (t) => {
  const folder = folders.get(t) ?? temporaryFolder(t);
  folders.set(t, folder);
  // The thread is this test's to kill: RunningLog itself only stops in an orderly way.
  let worker: Worker | undefined;
  const onWorker = (started: Worker) => {
    worker = started;
  };
  process.once('worker', onWorker);
  const log = await startSingleLog(options(folder));
  return {
    connect: () => LogClient.connect(log.connect()),
    crash: async () => {
      await worker!.terminate();
    },
    close: () => log.close(),
  };
});

describe('single-instance log on its disk', () => {
  it('is the master of itself, tells its port when it is known, and has nobody to hand over to', async (t) => {
    const log = await startSingleLog(options(temporaryFolder(t)));
    t.after(() => log.close());
    const client = await LogClient.connect(log.connect());
    const { status } = client;
    assert.equal(status.role, 'master');
    assert.equal(status.master, status.self);
    assert.equal(status.self, log.identity.member);
    assert.equal(status.term, 1n);
    const changed = new Promise<number>((resolve) => {
      client.on('members', ({ members }) => resolve(members[0].clientPort));
    });
    log.describe(7000);
    assert.equal(await changed, 7000);
    assert.equal(client.status.members[0].clientPort, 7000);
    await assert.rejects(client.transferMastership(), /no other voter/);
  });

  it('keeps everything that a process printed as acknowledged before it was killed', async (t) => {
    const folder = temporaryFolder(t);
    const child = spawn(process.execPath, [join(import.meta.dirname, 'proposal-storm.ts'), folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.after(() => child.kill('SIGKILL'));
    const acknowledged: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged.push(line);
      if (acknowledged.length === 2_000) child.kill('SIGKILL');
    }
    assert.ok(acknowledged.length >= 2_000);
    const store = LogStore.open(folder, 'test');
    const kept = store.read(1, Number.POSITIVE_INFINITY).map((entry) => `${entry.index} ${Buffer.from(entry.batch)}`);
    store.close();
    assert.ok(kept.length >= acknowledged.length);
    const missing = acknowledged.filter((line) => kept[Number.parseInt(line, 10) - 1] !== line);
    assert.deepEqual(missing, []);
  });

  it('fails for everybody on a full disk, and has what it acknowledged', async (t) => {
    const disk = smallDisk(t, '4m');
    if (!disk) return;
    const log = await startSingleLog(options(disk.folder));
    t.after(() => log.close());
    const client = await LogClient.connect(log.connect());
    const bystander = await LogClient.connect(log.connect());
    client.subscribe(0n, { apply: () => undefined });
    const results = await Promise.allSettled(Array.from({ length: 200 }, () => client.propose(new Uint8Array(30_000))));
    const kept = results.filter((result) => result.status === 'fulfilled').length;
    for (const result of results.slice(kept)) {
      assert.equal(result.status, 'rejected');
      assert.equal(result.reason.code, 'LOG_FAILED');
    }
    assert.ok(kept < 200);
    assert.match((await client.failed).message, /free space on the disk/);
    assert.match((await bystander.failed).message, /free space on the disk/);
    assert.equal(bystander.mayAnswer(), false);
    await assert.rejects(bystander.propose(bytes('x')), { code: 'LOG_FAILED' });
    await log.close();

    disk.grow('64m');
    const again = await startSingleLog(options(disk.folder));
    t.after(() => again.close());
    const reader = await LogClient.connect(again.connect());
    assert.equal(reader.status.commitIndex, BigInt(kept));
  });

  it('refuses to start on a folder that is in use, with the reason', async (t) => {
    const folder = temporaryFolder(t);
    const log = await startSingleLog(options(folder));
    t.after(() => log.close());
    await assert.rejects(startSingleLog(options(folder)), { name: 'StorageError', code: 'IN_USE' });
  });

  it('trims what the tables no longer need, keeps a tail, and never what a subscriber still lacks', async (t) => {
    const folder = temporaryFolder(t);
    const log = await startSingleLog(options(folder));
    t.after(() => log.close());
    const client = await LogClient.connect(log.connect());
    const slow = await LogClient.connect(log.connect());
    const position = slow.subscribe(
      0n,
      { apply: () => undefined },
      { window: { entries: 1_500, bytes: 1e9 }, acknowledge: 'manual' },
    );
    const total = MINIMUM_TAIL_ENTRIES + 3_000;
    for (let i = 0; i < total; i += 1_000) {
      await Promise.all(Array.from({ length: Math.min(1_000, total - i) }, () => client.propose(bytes('x'))));
    }
    client.trimmable(BigInt(total));
    // A gap error tells where the log begins: what a subscriber at 0 is refused for.
    const begin = async () => {
      const probe = await LogClient.connect(log.connect());
      const refused = probe.failed.then((error) => Number(/entries (\d+) to/.exec(error.message)?.[1]));
      probe.subscribe(BigInt(total + 1), { apply: () => undefined });
      const first = await refused;
      await probe.close();
      return first;
    };
    await until(async () => (await begin()) > 1_000);
    assert.ok((await begin()) <= 1_501, 'the slow subscriber was sent 1,500 entries');
    position.acknowledge(1_500n);
    position.acknowledge(3_000n);
    await until(async () => (await begin()) > 2_500);
    position.acknowledge(BigInt(total));
    await until(async () => (await begin()) > 2_700);
    assert.ok((await begin()) <= total - MINIMUM_TAIL_ENTRIES + 1);
    await log.close();
    const store = LogStore.open(folder, 'test');
    assert.equal(store.lastIndex, total);
    assert.equal(store.read(store.firstIndex, 1e9).length, total - store.firstIndex + 1);
    store.close();
  });

  it('brings the WAL in order when it closes', async (t) => {
    const folder = temporaryFolder(t);
    const log = await startSingleLog(options(folder));
    const client = await LogClient.connect(log.connect());
    await client.propose(bytes('x'));
    await log.close();
    assert.equal(statSync(join(folder, `${LOG_FILE}-wal`), { throwIfNoEntry: false }), undefined);
  });

  it('serves clients in other threads and survives their sudden end', async (t) => {
    const log = await startSingleLog(options(temporaryFolder(t)));
    t.after(() => log.close());
    const port = log.connect();
    const clientUrl = new URL('../log-client.ts', import.meta.url).href;
    const worker = new Worker(
      `const { parentPort, workerData } = require('node:worker_threads');
       import(${JSON.stringify(clientUrl)}).then(async ({ LogClient }) => {
         const client = await LogClient.connect(workerData);
         client.subscribe(0n, { apply() {} });
         for (;;) { await client.propose(new Uint8Array([1])); parentPort.postMessage('committed'); }
       });`,
      { eval: true, workerData: port, transferList: [port] },
    );
    await once(worker, 'message');
    await worker.terminate();
    const client = await LogClient.connect(log.connect());
    const seen = record(client, 0n);
    const index = await client.propose(bytes('still here'));
    await seen.until(index);
    assert.equal(seen.entries.at(-1), `${index} still here`);
  });
});

const DEADLINE_MS = 30_000;

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!(await condition())) assert.ok(performance.now() < deadline, 'the condition did not come true');
}
