import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { startCluster, type TestCluster } from '../../test/harness/start-cluster.ts';
import { type SwarmkeeperInstance, startSwarmkeeper } from '../../test/harness/start-swarmkeeper.ts';
import { testNetwork } from '../../test/harness/test-network.ts';
import { TrackerApi } from '../../test/harness/tracker-api.ts';
import { waitFor } from '../../test/harness/wait-for.ts';
import { formatInfoHash } from '../bittorrent/info-hash.ts';
import { PeerInfoRequester, type RequesterOptions } from './peer-info-requester.ts';
import { AmbiguousNameError } from './trackers/find-content.ts';
import { COMPLETE, TestContent } from './trackers/test-content.ts';
import { TrackerError } from './trackers/tracker-error.ts';

const LOOPBACK = '127.0.0.1';

describe('a requester in a cluster of three', { concurrency: 1 }, () => {
  let started: TestCluster | undefined;
  const cluster = () => started!;
  before(async () => {
    started = await startCluster();
  });
  after(async () => {
    await started?.[Symbol.asyncDispose]();
  });

  test('it finds the master by multicast, and peers find each other', async () => {
    await using a = await open(cluster());
    await using b = await open(cluster());
    const seeder = new TestContent(1001, { current: COMPLETE, name: 'two peers', size: 7 });
    const leecher = new TestContent(1002, { infoHash: seeder.infoHash });
    a.requester.announce(seeder, seeder);
    await waitFor('the seeder to be told', () => seeder.answers.length > 0);
    b.requester.announce(leecher, leecher);
    await waitFor('the leecher to hear of the seeder', () => leecher.ports.has(1001));
    const { clientPort } = await cluster().master();
    assert.deepEqual(a.requester.tracker, { host: LOOPBACK, port: clientPort });
    assert.deepEqual(leecher.answers.at(-1)?.source, { kind: 'cluster', tracker: b.requester.tracker });
    const content = await new TrackerApi(await cluster().master()).content(seeder.infoHash);
    assert.deepEqual([content?.name, content?.size, content?.seeders, content?.leechers], ['two peers', 7, 1, 1]);
  });

  test('who comes first hears of who comes a moment later', async () => {
    await using a = await open(cluster());
    const leecher = new TestContent(1003);
    a.requester.announce(leecher, leecher);
    await waitFor('the first answer', () => leecher.answers.length > 0);
    const seeder = new TestContent(1004, { infoHash: leecher.infoHash, current: COMPLETE });
    a.requester.announce(seeder, seeder);
    await waitFor('the leecher to hear of the seeder', () => leecher.ports.has(1004));
  });

  test('a download that is completed is counted once, and stopping takes the peer out', async () => {
    await using a = await open(cluster());
    const content = new TestContent(1005);
    const announcing = a.requester.announce(content, content);
    const api = new TrackerApi(await cluster().master());
    await waitFor('the leecher', async () => (await api.content(content.infoHash))?.leechers === 1);
    content.current = COMPLETE;
    announcing.changed();
    await waitFor('the seeder', async () => (await api.content(content.infoHash))?.seeders === 1);
    announcing.changed();
    assert.equal(await announcing.stop(), true);
    const left = await api.content(content.infoHash);
    assert.deepEqual([left?.seeders, left?.leechers, left?.completed, left?.peers], [0, 0, 1, []]);
    assert.equal(announcing.status.state, 'stopped');
  });

  test('a download that is completed before anything was told is counted too', async () => {
    await using a = await open(cluster());
    const content = new TestContent(1006);
    const announcing = a.requester.announce(content, content);
    content.current = COMPLETE;
    announcing.changed();
    const api = new TrackerApi(await cluster().master());
    await waitFor('the download to count', async () => (await api.content(content.infoHash))?.completed === 1);
    await announcing.stop();
  });

  test('a thousand contents are announced over one socket', async () => {
    await using a = await open(cluster());
    const contents = Array.from({ length: 1000 }, () => new TestContent(1007, { current: COMPLETE }));
    for (const content of contents) a.requester.announce(content, content);
    await waitFor('all answers', () => contents.every(({ answers }) => answers.length > 0));
    assert.deepEqual(
      contents.flatMap(({ failures }) => failures),
      [],
    );
  });

  test('a private content is not announced', async () => {
    await using a = await open(cluster());
    const content = new TestContent(1008, { isPrivate: true });
    assert.throws(() => a.requester.announce(content, content), { code: 'PRIVATE' });
  });

  test('contents come page by page, and a name is found whole or by how it begins', async () => {
    await using a = await open(cluster());
    const unique = randomBytes(6).toString('hex');
    const names = [`${unique} film.mkv`, `${unique} film.mkv.nfo`, `${unique} Música 🎬`, 'x'.repeat(300)];
    const contents = names.map((name, i) => new TestContent(1100 + i, { name, size: i, current: COMPLETE }));
    for (const content of contents) a.requester.announce(content, content);
    await waitFor('all answers', () => contents.every(({ answers }) => answers.length > 0));
    const sha1 = (i: number) => formatInfoHash(contents[i].infoHash);
    assert.equal((await a.requester.find(names[0])).sha1, sha1(0));
    assert.equal((await a.requester.find(`${unique} film.mkv.`)).sha1, sha1(1));
    assert.equal((await a.requester.find(`${unique} Mu\u0301`)).sha1, sha1(2));
    assert.equal((await a.requester.find('x'.repeat(255))).size, 3);
    await assert.rejects(a.requester.find(`${unique} film`), (error: unknown) => {
      assert.ok(error instanceof AmbiguousNameError);
      assert.deepEqual(new Set(error.candidates.map((each) => each.sha1)), new Set([sha1(0), sha1(1)]));
      assert.match(error.message, /2 contents begin with/);
      return true;
    });
    await assert.rejects(a.requester.find(`${unique} book`), { code: 'NO_SUCH_CONTENT' });

    const listed: string[] = [];
    for await (const page of a.requester.contents()) listed.push(...page.map((each) => each.sha1));
    assert.deepEqual(listed, listed.toSorted());
    for (let i = 0; i < names.length; i++) assert.ok(listed.includes(sha1(i)));
  });

  test('more than a page of contents is listed whole', async () => {
    await using a = await open(cluster());
    const contents = Array.from({ length: 1500 }, () => new TestContent(1009, { current: COMPLETE }));
    for (const content of contents) a.requester.announce(content, content);
    await waitFor('all answers', () => contents.every(({ answers }) => answers.length > 0));
    const pages: number[] = [];
    const listed = new Set<string>();
    for await (const page of a.requester.contents()) {
      pages.push(page.length);
      for (const { sha1 } of page) listed.add(sha1);
    }
    assert.ok(pages.length > 1, `pages of ${pages}`);
    for (const { infoHash } of contents) assert.ok(listed.has(formatInfoHash(infoHash)));
  });

  test('replies of strangers, and to what was not asked, change nothing', async () => {
    await using a = await open(cluster());
    const { group } = cluster();
    // A stranger in the group answers every connect with another transaction ID, and announces with a huge interval.
    const stranger = createSocket({ type: 'udp4', reuseAddr: true });
    stranger.bind(group.port, group.host);
    await once(stranger, 'listening');
    stranger.addMembership(group.host, LOOPBACK);
    let heard = 0;
    stranger.on('message', (datagram, from) => {
      heard++;
      const reply = Buffer.alloc(16);
      datagram.copy(reply, 4, 12, 16);
      reply[7] ^= 1;
      stranger.send(reply, from.port, from.address);
      stranger.send(Buffer.from('d8:intervali1ee'), from.port, from.address);
    });
    try {
      const content = new TestContent(1010);
      a.requester.announce(content, content);
      await waitFor('the answer', () => content.answers.length > 0);
      assert.ok(heard > 0);
      assert.equal(a.requester.tracker?.port, (await cluster().master()).clientPort);
    } finally {
      stranger.close();
    }
  });
});

describe('a requester whose master dies', () => {
  test('it goes on with the next one, and nothing that it was to tell is lost', async () => {
    await using cluster = await startCluster({ args: ['--interval', '1'] });
    await using a = await open(cluster);
    const first = new TestContent(2001, { name: 'before', current: COMPLETE });
    const loading = new TestContent(2002);
    a.requester.announce(first, first);
    const announcing = a.requester.announce(loading, loading);
    await waitFor('both to be told', () => first.answers.length > 0 && loading.answers.length > 0);
    const old = await cluster.master();
    await old.stop('SIGKILL');

    // All at once while nobody is master: something new, something completed, something regular.
    const later = new TestContent(2003, { infoHash: first.infoHash });
    a.requester.announce(later, later);
    loading.current = COMPLETE;
    announcing.changed();
    await waitFor('the new one to hear of the old one', () => later.ports.has(2001));
    const master = await cluster.master();
    const api = new TrackerApi(master);
    await waitFor('the download to count', async () => (await api.content(loading.infoHash))?.completed === 1);
    assert.equal(a.requester.tracker?.port, master.clientPort);
    assert.notEqual(master.clientPort, old.clientPort);
    const before = first.answers.length;
    await waitFor('the regular announces to go on', () => first.answers.length > before);
    assert.deepEqual(
      [first, loading, later].flatMap(({ failures }) => failures),
      [],
    );

    // And a stop in the middle of the next failure.
    await cluster.restart(cluster.instances.indexOf(old));
    await waitFor('three instances again', async () => (await cluster.agree()) !== undefined);
    await master.stop('SIGKILL');
    assert.equal(await announcing.stop(20_000), true);
    const left = await new TrackerApi(await cluster.master()).content(loading.infoHash);
    assert.deepEqual([left?.peers, left?.completed], [[], 1]);
  });

  test('of hundreds of announces none is lost when the master dies in the middle of them', async () => {
    await using cluster = await startCluster();
    await using a = await open(cluster);
    const contents = Array.from({ length: 500 }, (_, i) => new TestContent(2100 + i, { current: COMPLETE }));
    for (const content of contents) a.requester.announce(content, content);
    const answered = () => contents.filter(({ answers }) => answers.length > 0).length;
    await waitFor('some answers', () => answered() > 50);
    const old = await cluster.master();
    await old.stop('SIGKILL');
    await waitFor('all answers', () => answered() === contents.length);
    const seeded = new Set<string>();
    const api = new TrackerApi(await cluster.master());
    for (const { sha1, seeders } of await api.contents()) if (seeders === 1) seeded.add(sha1);
    for (const { infoHash } of contents) assert.ok(seeded.has(formatInfoHash(infoHash)));
  });

  test('the list of contents goes on at the next one', async () => {
    await using cluster = await startCluster();
    await using a = await open(cluster);
    const content = new TestContent(2004, { name: 'still there', current: COMPLETE });
    a.requester.announce(content, content);
    await waitFor('the answer', () => content.answers.length > 0);
    await (await cluster.master()).stop('SIGKILL');
    assert.equal((await a.requester.find('still there')).sha1, formatInfoHash(content.infoHash));
  });

  test('asked by the address of one instance, it goes on with the others when that one dies', async () => {
    await using cluster = await startCluster({ args: ['--interval', '1'] });
    const [slave] = await cluster.slaves();
    await using a = await open(cluster, { instances: [{ host: 'localhost', port: slave.clientPort }] });
    const content = new TestContent(2005);
    a.requester.announce(content, content);
    await waitFor('an answer', () => content.answers.length > 0);
    assert.equal(a.requester.tracker?.port, slave.clientPort);
    // It hears of the others in the background.
    await a.requester.find('').catch(() => {});
    await slave.stop('SIGKILL');
    const before = content.answers.length;
    await waitFor('the announces to go on', () => content.answers.length > before + 1);
    assert.notEqual(a.requester.tracker?.port, slave.clientPort);
    assert.deepEqual(content.failures, []);
  });
});

describe('a requester and time', () => {
  test('it announces at the interval that it is told, not earlier', async () => {
    await using tracker = await startSwarmkeeper({ args: ['--interval', '1'] });
    await using a = await open(tracker);
    const content = new TestContent(3001, { current: COMPLETE });
    const at: number[] = [];
    a.requester.announce(content, { peers: () => at.push(performance.now()) });
    await waitFor('three answers', () => at.length >= 3);
    for (let i = 1; i < 3; i++) assert.ok(at[i] - at[i - 1] > 900, `${at[i] - at[i - 1]} ms after the one before`);
  });

  test('a connection ID older than a minute is renewed, and one that the tracker does not know is too', async (t) => {
    const network = testNetwork();
    const args = ['--interval', '1'];
    await using tracker = await startSwarmkeeper({ args, network });
    await using a = await open(tracker);
    const content = new TestContent(3002, { current: COMPLETE });
    const announcing = a.requester.announce(content, content);
    await waitFor('an answer', () => content.answers.length > 0);
    const connects = () => new TrackerApi(tracker).metric('udp_connects_total');
    const before = await connects();
    const now = performance.now.bind(performance);
    t.mock.method(performance, 'now', () => now() + 61_000);
    announcing.changed();
    await waitFor('a new connection ID', async () => (await connects()) > before);

    // Another cluster's secret is another one, at the same address too.
    await tracker.stop();
    await using other = await startSwarmkeeper({ args: [...args, '--port', String(tracker.clientPort)], network });
    await waitFor('it to be told', async () => (await new TrackerApi(other).content(content.infoHash))?.seeders === 1);
  });

  test('without a cluster, looking for it ends, and so does stopping; when it comes, it is told', async () => {
    const network = testNetwork();
    await using a = await open({ network });
    await assert.rejects(a.requester.locate(200), { code: 'NO_TRACKER' });
    const unheard = new TestContent(3003);
    const announcing = a.requester.announce(unheard, unheard);
    assert.equal(await announcing.stop(200), false);
    const content = new TestContent(3004);
    a.requester.announce(content, content);
    await using _ = await startSwarmkeeper({ network });
    await waitFor('the answer', () => content.answers.length > 0);
  });

  test('an address that is not of this machine is refused', async () => {
    const { group } = testNetwork();
    await assert.rejects(PeerInfoRequester.open({ group, interfaces: ['192.0.2.1'] }), { code: 'BAD_INTERFACE' });
    await assert.rejects(
      PeerInfoRequester.open({ group, instances: [{ host: `${'x'.repeat(64)}.invalid`, port: 1 }] }),
      (error: unknown) => error instanceof TrackerError && error.code === 'UNREACHABLE',
    );
  });

  test('a content that the cluster does not admit is refused, and asked for again later', async () => {
    await using tracker = await startSwarmkeeper();
    await new TrackerApi(tracker).setAdmissionMode('allow');
    await using a = await open(tracker);
    const content = new TestContent(3005);
    const announcing = a.requester.announce(content, content);
    await waitFor('the refusal', () => content.failures.length > 0);
    assert.equal(content.failures[0].code, 'REFUSED');
    const { state, nextInMs, failure } = announcing.status;
    assert.deepEqual([state, failure?.code], ['waiting', 'REFUSED']);
    assert.ok(nextInMs > 0);
    assert.equal(await announcing.stop(), true);
  });
});

interface Opened extends AsyncDisposable {
  readonly requester: PeerInfoRequester;
}

/** On loopback, in the network of the cluster or instance. */
async function open(
  { network: { group } }: Pick<TestCluster | SwarmkeeperInstance, 'network'>,
  more: Partial<RequesterOptions> = {},
): Promise<Opened> {
  const requester = await PeerInfoRequester.open({ group, interfaces: [LOOPBACK], ...more });
  return { requester, [Symbol.asyncDispose]: () => requester.close(500) };
}
