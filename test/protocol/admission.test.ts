import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatInfoHash } from '../../src/bittorrent/info-hash.ts';
import { onBothWays } from '../harness/both-ways.ts';
import { announceQuery, failureReason, httpAnnounce, httpGet } from '../harness/http-tracker.ts';
import { exchange } from '../harness/raw-connection.ts';
import { type SwarmkeeperInstance, startSwarmkeeper, temporaryFolder } from '../harness/start-swarmkeeper.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { newInfoHash, UdpClient } from '../harness/udp-client.ts';

const REFUSAL = /this tracker does not serve that content/;

async function isServed(tracker: SwarmkeeperInstance, infoHash: Uint8Array): Promise<void> {
  await using client = await UdpClient.open('127.0.0.1', tracker.clientPort);
  await client.announce({ infoHash });
  await httpAnnounce(tracker.clientPort, announceQuery(infoHash, 1));
}

async function isRefused(tracker: SwarmkeeperInstance, infoHash: Uint8Array): Promise<void> {
  await using client = await UdpClient.open('127.0.0.1', tracker.clientPort);
  await assert.rejects(client.announce({ infoHash }), REFUSAL);
  const reply = await exchange(tracker.clientPort, httpGet(`/announce?${announceQuery(infoHash, 1)}`));
  assert.equal(reply.status, 200);
  assert.match(failureReason(reply) ?? 'none', REFUSAL);
}

onBothWays((tracker) => {
  test('the mode decides which list counts, and changes count at once', async () => {
    const api = new TrackerApi(tracker());
    const [listed, denied, other] = [newInfoHash(), newInfoHash(), newInfoHash()];
    await api.addToList('allow', listed);
    await api.addToList('deny', denied);
    for (const infoHash of [listed, denied, other]) await isServed(tracker(), infoHash);

    await api.setAdmissionMode('allow');
    await isServed(tracker(), listed);
    for (const infoHash of [denied, other]) await isRefused(tracker(), infoHash);

    await api.setAdmissionMode('deny');
    for (const infoHash of [listed, other]) await isServed(tracker(), infoHash);
    await isRefused(tracker(), denied);

    await api.removeFromList('deny', denied);
    await isServed(tracker(), denied);
    await api.addToList('deny', listed, other);
    for (const infoHash of [listed, other]) await isRefused(tracker(), infoHash);

    await api.setAdmissionMode('open');
    for (const infoHash of [listed, denied, other]) await isServed(tracker(), infoHash);
  });

  test('who is refused is not taken in, and cannot leave either', async () => {
    const api = new TrackerApi(tracker());
    const infoHash = newInfoHash();
    await api.addToList('deny', infoHash);
    await api.setAdmissionMode('deny');
    const before = await api.metric('refused_by_admission_total');
    await isRefused(tracker(), infoHash);
    assert.equal(await api.content(infoHash), undefined);
    await using client = await UdpClient.open('127.0.0.1', tracker().clientPort);
    assert.deepEqual((await client.scrape([infoHash])).entries, [{ seeders: 0, completed: 0, leechers: 0 }]);
    assert.ok((await api.metric('refused_by_admission_total')) >= before + 2);
    await api.setAdmissionMode('open');
  });

  test('listing twice and taking off what is not listed are no errors', async () => {
    const api = new TrackerApi(tracker());
    const infoHash = newInfoHash();
    for (let repeat = 0; repeat < 2; repeat++) await api.addToList('allow', infoHash, infoHash);
    assert.equal((await api.admission('allow')).sha1s.filter((sha1) => sha1 === formatInfoHash(infoHash)).length, 1);
    for (let repeat = 0; repeat < 2; repeat++) await api.removeFromList('allow', infoHash);
    assert.ok(!(await api.admission('allow')).sha1s.includes(formatInfoHash(infoHash)));
  });

  test('a change that makes no sense is refused and changes nothing', async () => {
    const api = new TrackerApi(tracker());
    const before = await api.admission('allow');
    const changes: [method: string, path: string, body: unknown][] = [
      ['PUT', 'mode', { mode: 'closed' }],
      ['PUT', 'mode', {}],
      ['POST', 'allow', { sha1s: [] }],
      ['POST', 'allow', { sha1s: ['xyz'] }],
      ['POST', 'allow', { sha1s: [formatInfoHash(newInfoHash()), 'xyz'] }],
      ['POST', 'allow', { sha1s: Array.from({ length: 1_001 }, () => formatInfoHash(newInfoHash())) }],
      ['POST', 'other', { sha1s: [formatInfoHash(newInfoHash())] }],
    ];
    for (const [method, path, body] of changes) {
      const { status } = await api.request(method, `/api/v1/admission/${path}`, body);
      assert.ok(status === 400 || status === 404, `${method} ${path}: ${status}`);
    }
    assert.deepEqual(await api.admission('allow'), before);
  });
});

test('mode and lists survive a restart, after an orderly stop and after a kill', async () => {
  await using folder = await temporaryFolder();
  const [listed, other, late] = [newInfoHash(), newInfoHash(), newInfoHash()];
  for (const [signal, expected] of [
    ['SIGTERM', [listed]],
    ['SIGKILL', [listed, late]],
    ['SIGTERM', [listed, late]],
  ] as const) {
    await using tracker = await startSwarmkeeper({ dataDir: folder.path });
    const api = new TrackerApi(tracker);
    if (signal === 'SIGTERM' && expected.length === 1) {
      await api.setAdmissionMode('allow');
      await api.addToList('allow', listed);
    } else if (signal === 'SIGKILL') {
      await api.addToList('allow', late);
    }
    const { mode, sha1s } = await api.admission('allow');
    assert.deepEqual([mode, sha1s], ['allow', expected.map((hash) => formatInfoHash(hash)).sort()]);
    for (const infoHash of expected) await isServed(tracker, infoHash);
    await isRefused(tracker, other);
    await tracker.stop(signal);
  }
});
