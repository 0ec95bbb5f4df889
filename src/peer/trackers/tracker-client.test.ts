import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { startSwarmkeeper } from '../../../test/harness/start-swarmkeeper.ts';
import { TrackerApi } from '../../../test/harness/tracker-api.ts';
import { waitFor } from '../../../test/harness/wait-for.ts';
import { encode } from '../../bittorrent/bencode.ts';
import { parseMetainfo } from '../../bittorrent/metainfo.ts';
import { announceEverywhere } from './announce-everywhere.ts';
import type { Announcing, AnnouncingStatus } from './announcement.ts';
import { COMPLETE, TestContent } from './test-content.ts';
import { TestUdpTracker } from './test-udp-tracker.ts';
import { TrackerClient, type TrackerClientOptions } from './tracker-client.ts';

/** Nothing is ever lost on loopback, but on a busy machine much is late. */
const QUICK: TrackerClientOptions = { udpPatience: { firstMs: 500, attempts: 3 }, random: () => 0.999 };

describe('against an instance of ours', () => {
  test('over both families of a name, by UDP and by HTTP, peers of both are found', async () => {
    await using tracker = await startSwarmkeeper({ args: ['--host', '127.0.0.1', '--host', '::1'] });
    for (const protocol of ['udp', 'http']) {
      const lookUp = async () => [
        { address: '127.0.0.1', family: 4 },
        { address: '::1', family: 6 },
      ];
      await using client = open({ lookUp });
      const tiers = [[`${protocol}://tracker.test:${tracker.clientPort}/announce`]];
      const seeder = new TestContent(201, { current: COMPLETE });
      const announcing = client.announce(seeder, tiers, seeder);
      await waitFor('both answers', () => seeder.answers.length === 2);
      const content = await new TrackerApi(tracker).content(seeder.infoHash);
      assert.deepEqual(content?.peers.map(({ host }) => host).toSorted(), ['127.0.0.1', '::1']);
      const leecher = new TestContent(202, { infoHash: seeder.infoHash });
      client.announce(leecher, tiers, leecher);
      await waitFor('both answers', () => leecher.answers.length === 2);
      const heard = leecher.answers.flatMap(({ peers }) => peers.filter(({ port }) => port === 201));
      assert.deepEqual(heard.map(({ host }) => host).toSorted(), ['127.0.0.1', '::1'], protocol);
      await announcing.stop();
      const left = await new TrackerApi(tracker).content(seeder.infoHash);
      assert.deepEqual(
        left?.peers.map(({ port }) => port),
        [202, 202],
      );
    }
  });

  test('by its IPv6 address, and as the tracker of a torrent file', async () => {
    await using tracker = await startSwarmkeeper({ args: ['--host', '::1'] });
    await using client = open();
    const info = { length: 1, name: 'a', 'piece length': 16_384, pieces: new Uint8Array(20), private: 1 };
    const announce = `udp://[::1]:${tracker.clientPort}`;
    const sha1 = (bytes: Uint8Array) => createHash('sha1').update(bytes).digest();
    const metainfo = parseMetainfo(encode({ announce, info }), sha1);
    const { infoHash, isPrivate } = metainfo.info;
    const seeder = new TestContent(203, { infoHash, isPrivate, current: COMPLETE });
    const leecher = new TestContent(204, { infoHash, isPrivate });
    client.announce(seeder, metainfo.trackers, seeder);
    await waitFor('the seeder to be told', () => seeder.answers.length > 0);
    client.announce(leecher, [[`http://[::1]:${tracker.clientPort}/announce`]], leecher);
    await waitFor('the leecher to hear of it', () => leecher.answers.length > 0);
    assert.deepEqual(leecher.answers[0].peers, [{ host: '::1', port: 203 }]);
  });
});

describe('tiers (BEP 12)', () => {
  test('the next is asked when one does not answer, and whoever answered is asked first then', async () => {
    await using trackers = await openTrackers(4);
    const [dead, alive, second, third] = trackers.all;
    dead.manner = () => 'silence';
    for (const tracker of trackers.all) tracker.intervalSeconds = 1;
    await using client = open();
    const content = new TestContent(301);
    const tiers = [[dead.url, alive.url], [second.url], [third.url]];
    client.announce(content, tiers, content);
    await waitFor('three announces', () => alive.announces.length === 3);
    // Once it had been tried in vain, its turn comes after the one that answers.
    assert.equal(dead.heard.length, 2);
    assert.deepEqual([second.heard.length, third.heard.length], [0, 0]);

    alive.manner = () => 'silence';
    await waitFor('the second tier', () => second.announces.length >= 2);
    assert.equal(third.heard.length, 0);
    // Those who are new to us are told that we began.
    assert.equal(second.announces[0].event, 2);
    assert.equal(second.announces[1].event, 0);
  });

  test('when all fail, that is told, and they are asked again when one of them says', async (t) => {
    await using trackers = await openTrackers(2);
    for (const { url } of trackers.all) assert.match(url, /^udp/);
    trackers.all[0].manner = () => 'silence';
    trackers.all[1].manner = ({ kind }) => (kind === 'connect' ? 'reply' : { error: 'no' });
    await using client = open({ udpPatience: { firstMs: 50, attempts: 2 } });
    const content = new TestContent(302);
    const announcing = client.announce(content, [[trackers.all[0].url], [trackers.all[1].url]], content);
    await waitFor('the failure', () => content.failures.length === 1);
    assert.equal(content.failures[0].code, 'NO_TRACKER');
    assert.match(content.failures[0].message, /none of 2 trackers answered; one of them: .*no/);
    const { state, nextInMs } = announcing.status;
    assert.equal(state, 'waiting');
    assert.ok(nextInMs > 0 && nextInMs < 17_000, `${nextInMs}`);
    for (const tracker of trackers.all) tracker.manner = () => 'reply';
    const now = performance.now.bind(performance);
    t.mock.method(performance, 'now', () => now() + 60_000);
    announcing.changed();
    await waitFor('an answer', () => content.answers.length > 0);
  });

  test('each tier is asked where they stand in no order', async () => {
    await using trackers = await openTrackers(3);
    await using client = open();
    const content = new TestContent(303);
    const tiers = trackers.all.map(({ url }) => [url]);
    const announcing = client.announce(content, [...tiers, ['wss://x.invalid'], tiers[0]], content, {
      everyTier: true,
    });
    await waitFor('all to be asked', () => content.answers.length === 3);
    assert.equal(await announcing.stop(), true);
    for (const tracker of trackers.all) {
      assert.deepEqual(
        tracker.announces.map(({ event }) => event),
        [2, 3],
      );
    }
  });

  test('many contents are announced over one socket, and taken leave of when the client closes', async () => {
    await using trackers = await openTrackers(2);
    await using client = open();
    const contents = Array.from({ length: 300 }, (_, i) => new TestContent(1_000 + i));
    const tiers = trackers.all.map(({ url }) => [url]);
    for (const content of contents) client.announce(content, tiers, content, { everyTier: true });
    await waitFor('all answers', () => contents.every(({ answers }) => answers.length === 2));
    await client.close(20_000);
    for (const { announces, heard } of trackers.all) {
      assert.equal(new Set(heard.map(({ from }) => from.port)).size, 1);
      const stopped = announces.filter(({ event }) => event === 3).map(({ infoHash }) => infoHash);
      assert.equal(new Set(stopped).size, 300);
    }
  });

  test('stopping is over in time when a tracker died, and the others are told', async () => {
    await using trackers = await openTrackers(2);
    const [dying, living] = trackers.all;
    await using client = open({ udpPatience: { firstMs: 15_000, attempts: 9 } });
    const content = new TestContent(304);
    const tiers = trackers.all.map(({ url }) => [url]);
    const announcing = client.announce(content, tiers, content, { everyTier: true });
    await waitFor('both answers', () => content.answers.length === 2);
    dying.manner = () => 'silence';
    assert.equal(await announcing.stop(700), false);
    assert.equal(living.announces.at(-1)?.event, 3);
    assert.equal(dying.announces.filter(({ event }) => event === 3).length > 0, true);
  });

  test('a content without trackers says so', async () => {
    await using client = open();
    const content = new TestContent(305);
    const announcing = client.announce(content, [[], ['not a tracker']], content);
    assert.equal(announcing.status.failure?.code, 'NO_TRACKER');
    assert.equal(await announcing.stop(), true);
  });
});

describe('a content announced everywhere', () => {
  test('the cluster and its trackers are told, unless it is private', async () => {
    await using trackers = await openTrackers(1);
    await using client = open();
    const cluster = new FakeCluster();
    const askable = { cluster, trackers: client, tiers: [[trackers.all[0].url]] };
    const open1 = new TestContent(401);
    const secret = new TestContent(402, { isPrivate: true });
    announceEverywhere(open1, askable, open1);
    announceEverywhere(secret, askable, secret);
    await waitFor('both answers', () => open1.answers.length > 0 && secret.answers.length > 0);
    assert.deepEqual(cluster.said, ['announce 401']);
  });

  test('one that proves private takes leave of the cluster', () => {
    const cluster = new FakeCluster();
    const content = new TestContent(403);
    const announcing = announceEverywhere(content, { cluster }, content);
    announcing.changed();
    content.isPrivate = true;
    announcing.changed();
    announcing.morePeers();
    announcing.changed();
    assert.deepEqual(cluster.said, ['announce 403', 'changed', 'stop', 'stop']);
  });
});

const IDLE: AnnouncingStatus = {
  state: 'waiting',
  nextInMs: 1,
  seeders: undefined,
  leechers: undefined,
  externalHost: undefined,
  warning: undefined,
  failure: undefined,
};

class FakeCluster {
  readonly said: string[] = [];

  announce({ port }: TestContent): Announcing {
    this.said.push(`announce ${port}`);
    return {
      status: IDLE,
      changed: () => this.said.push('changed'),
      morePeers: () => this.said.push('morePeers'),
      stop: async () => {
        this.said.push('stop');
        return true;
      },
    };
  }
}

function open(options: TrackerClientOptions = {}) {
  const client = new TrackerClient({ ...QUICK, ...options });
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close(200) });
}

async function openTrackers(count: number) {
  const all = await Promise.all(Array.from({ length: count }, () => TestUdpTracker.open()));
  return {
    all,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(all.map((tracker) => tracker[Symbol.asyncDispose]()));
    },
  };
}
