import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EVENT_COMPLETED } from '../../src/bittorrent/bep15.ts';
import { AnnounceLoad } from '../harness/announce-load.ts';
import { startSwarmkeeper, temporaryFolder } from '../harness/start-swarmkeeper.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { newInfoHash, newTransactionId, UdpClient } from '../harness/udp-client.ts';
import { waitFor } from '../harness/wait-for.ts';

const ANNOUNCES = 1_000;

test('an orderly stop under load ends with 0, and all that was acknowledged is there afterwards', async () => {
  await using folder = await temporaryFolder();
  const load = new AnnounceLoad();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGTERM'] as const) {
    await using tracker = await startSwarmkeeper({ dataDir: folder.path });
    await load.verify(new TrackerApi(tracker));
    await using running = await load.start(tracker);
    await load.acknowledges(ANNOUNCES);
    const { code, stderr } = await tracker.stop(signal);
    assert.deepEqual([code, stderr], [0, '']);
    await running[Symbol.asyncDispose]();
  }
  await using tracker = await startSwarmkeeper({ dataDir: folder.path });
  await load.verify(new TrackerApi(tracker));
});

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`the state hash after ${signal} and a restart is the one before`, async () => {
    await using folder = await temporaryFolder();
    const load = new AnnounceLoad();
    const hashes: string[] = [];
    for (let life = 0; life < 3; life++) {
      await using tracker = await startSwarmkeeper({ dataDir: folder.path });
      const api = new TrackerApi(tracker);
      const { self, members, commitIndex } = await api.settled();
      const { stateHash, appliedIndex } = members.find(({ id }) => id === self)!;
      assert.equal(appliedIndex, commitIndex);
      if (life > 0) assert.equal(stateHash, hashes.at(-1), `life ${life}`);
      await using running = await load.start(tracker);
      await load.acknowledges(ANNOUNCES);
      await running[Symbol.asyncDispose]();
      await using client = await UdpClient.open('::1', tracker.clientPort);
      await client.announce({ infoHash: newInfoHash(), left: 0n, event: EVENT_COMPLETED, urlData: '?name=six&size=6' });
      const settled = await settledForGood(api);
      assert.notEqual(settled, stateHash);
      hashes.push(settled);
      await tracker.stop(signal);
    }
  });
}

/** Nothing is under way any more: the same entry was the last one twice in a row. */
async function settledForGood(api: TrackerApi): Promise<string> {
  let last = -1;
  const { members } = await waitFor('the last entry', async () => {
    const cluster = await api.settled();
    const before = last;
    last = cluster.commitIndex;
    return cluster.commitIndex === before ? cluster : undefined;
  });
  return members[0].stateHash;
}

test('who an instance is does not change with a restart, its term does', async () => {
  await using folder = await temporaryFolder();
  const lives = [];
  for (const signal of ['SIGKILL', 'SIGTERM', 'SIGTERM'] as const) {
    await using tracker = await startSwarmkeeper({ dataDir: folder.path });
    lives.push(await new TrackerApi(tracker).cluster());
    await tracker.stop(signal);
  }
  assert.equal(new Set(lives.map(({ self }) => self)).size, 1);
  const terms = lives.map(({ term }) => term);
  assert.deepEqual(
    terms,
    [...new Set(terms)].sort((a, b) => a - b),
    'each life has a later term',
  );
});

test('a connection ID that was issued before a kill is still valid', async () => {
  await using folder = await temporaryFolder();
  await using first = await startSwarmkeeper({ dataDir: folder.path });
  await using early = await UdpClient.open('127.0.0.1', first.clientPort);
  const infoHash = newInfoHash();
  await early.announce({ infoHash });
  const api = new TrackerApi(first);
  // Issued well after whatever was last written to the disk.
  const written = await api.metric('cluster_time_seconds');
  await waitFor('some seconds to go by', async () => (await api.metric('cluster_time_seconds')) > written + 3);
  const connectionId = await early.connect();
  await first.stop('SIGKILL');

  await using second = await startSwarmkeeper({ dataDir: folder.path });
  await using late = await UdpClient.open('127.0.0.1', second.clientPort);
  const transactionId = newTransactionId();
  await late.send(late.encodeAnnounce({ infoHash, connectionId }, transactionId));
  await late.connect();
  await waitFor('the reply', () => late.replyTo(transactionId), 5_000);
  assert.equal(late.replyTo(transactionId)?.action, 'announce');
});
