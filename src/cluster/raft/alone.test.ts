import assert from 'node:assert/strict';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { LogClient } from '../log-client.ts';
import { MINIMUM_TAIL_ENTRIES } from '../log-messages.ts';
import { bytes, record } from '../replicated-log.conformance.ts';
import { LOG_FILE, LogStore } from '../storage/log-store.ts';
import { readAll } from '../storage/read-all.ts';
import { smallDisk } from '../storage/storage-faults.ts';
import { TestCluster, until } from './test-cluster.ts';

describe('raft log of an instance that is alone', () => {
  it('is the master of itself, tells its port when it is known, and has nobody to hand over to', async (t) => {
    const { client, log } = await new TestCluster(t, { expect: 1 }).form();
    const { status } = client;
    assert.equal(status.role, 'master');
    assert.equal(status.master, status.self);
    assert.equal(status.self, log.identity.member);
    log.describe(7000);
    await until(() => client.status.members[0].clientPort === 7000, 'the port is known');
    await assert.rejects(client.transferMastership(), /could not be handed over/);
    assert.equal(client.mayAnswer(), true);
  });

  it('hands a subscriber only what it lacks after a restart', async (t) => {
    const cluster = new TestCluster(t, { expect: 1 });
    const first = await cluster.form();
    const indexes = await Promise.all(
      Array.from({ length: 2_000 }, (_, i) => first.client.propose(bytes(`batch ${i}`))),
    );
    await first.close();
    const again = await cluster.start('a');
    const late = await LogClient.connect(again.log.connect());
    const seen = record(late, indexes[1_989]);
    await cluster.master();
    const next = await late.propose(bytes('after'));
    await seen.until(next);
    const rest = indexes.slice(1_990).map((at, i) => `${at} batch ${1_990 + i}`);
    assert.deepEqual(seen.entries, [...rest, `${next} after`]);
    assert.equal(again.entries.length, 2_001);
  });

  it('trims what the tables no longer need, keeps a tail, and never what a subscriber still lacks', async (t) => {
    const cluster = new TestCluster(t, { expect: 1, keepLogBytes: 0 });
    const { client, log } = await cluster.form();
    const slow = await LogClient.connect(log.connect());
    const position = slow.subscribe(
      0n,
      { apply: () => undefined },
      { window: { entries: 1_500, bytes: 1e9 }, acknowledge: 'manual' },
    );
    let last = 0n;
    for (let i = 0; i < 4; i++) {
      const proposals = Array.from({ length: 1_000 }, () => client.propose(bytes('x')));
      last = (await Promise.all(proposals)).at(-1)!;
    }
    client.trimmable(last);
    const kept = (atMost: bigint) => until(() => BigInt(client.keptEntries) <= atMost, `${atMost} entries are kept`);
    const lacking = last - 1_500n;
    await kept(last - 1_000n);
    assert.ok(client.keptEntries >= lacking, 'the slow subscriber was sent 1,500 entries');
    position.acknowledge(1_500n);
    await kept(last - 2_500n);
    position.acknowledge(last);
    await kept(BigInt(MINIMUM_TAIL_ENTRIES + 256));
    assert.ok(client.keptEntries >= MINIMUM_TAIL_ENTRIES);
    await cluster.close();
    const store = LogStore.open(cluster.folderOf('a'), 'test');
    assert.ok(store.firstIndex > 2_500);
    assert.equal(store.lastIndex, Number(last));
    assert.equal(readAll(store).length, store.lastIndex - store.firstIndex + 1);
    store.close();
  });

  it('brings the WAL in order when it closes', async (t) => {
    const cluster = new TestCluster(t, { expect: 1 });
    const { client } = await cluster.form();
    await client.propose(bytes('x'));
    const wal = () => statSync(join(cluster.folderOf('a'), `${LOG_FILE}-wal`), { throwIfNoEntry: false });
    assert.ok(wal());
    await cluster.close();
    assert.equal(wal(), undefined);
  });

  it('serves clients in other threads and survives their sudden end', async (t) => {
    const { log } = await new TestCluster(t, { expect: 1 }).form();
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

  it('fails for everybody on a full disk, and has what it acknowledged', async (t) => {
    const disk = smallDisk(t, '4m');
    if (!disk) return;
    const cluster = new TestCluster(t, { expect: 1, folder: disk.folder });
    const { client, log } = await cluster.form();
    const bystander = await LogClient.connect(log.connect());
    const results = await Promise.allSettled(Array.from({ length: 200 }, () => client.propose(new Uint8Array(30_000))));
    const acknowledged = results.filter((result) => result.status === 'fulfilled').map(({ value }) => value);
    for (const result of results.slice(acknowledged.length)) {
      assert.equal(result.status, 'rejected');
      assert.equal(result.reason.code, 'LOG_FAILED');
    }
    assert.ok(acknowledged.length < 200);
    for (const each of [client, bystander]) {
      assert.match((await each.failed).message, /free space on the disk/);
      assert.equal(each.mayAnswer(), false);
      await assert.rejects(each.propose(bytes('x')), { code: 'LOG_FAILED' });
    }
    await cluster.close();

    disk.grow('64m');
    const again = await cluster.form();
    await again.client.propose(bytes('more'));
    assert.deepEqual(
      again.entries.slice(0, acknowledged.length).map((entry) => BigInt(Number.parseInt(entry, 10))),
      acknowledged,
    );
  });
});
