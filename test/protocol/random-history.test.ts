import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { BencodeDictionary } from '../../src/bittorrent/bencode.ts';
import { EVENT_COMPLETED, EVENT_NONE, EVENT_STARTED, EVENT_STOPPED } from '../../src/bittorrent/bep15.ts';
import type { PeerAddress } from '../../src/bittorrent/compact-peers.ts';
import { onBothWays } from '../harness/both-ways.ts';
import { announceQuery, bencodedBody, httpAnnounce, httpGet, scrapeQuery } from '../harness/http-tracker.ts';
import { exchange } from '../harness/raw-connection.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { newInfoHash, UdpClient } from '../harness/udp-client.ts';

const HOSTS = ['127.0.0.1', '127.0.0.2', '127.3.2.1', '::1'] as const;
const PORTS = [1, 256, 65_535] as const;
const CONTENTS = 3;
const RUNS = 20;
const MOST_STEPS = 40;
const EVENTS = {
  none: EVENT_NONE,
  started: EVENT_STARTED,
  completed: EVENT_COMPLETED,
  stopped: EVENT_STOPPED,
} as const;

interface Step {
  readonly content: number;
  readonly host: (typeof HOSTS)[number];
  readonly port: number;
  readonly event: keyof typeof EVENTS;
  readonly left: number;
  readonly way: 'udp' | 'http';
  readonly name: string | undefined;
}

const STEP: fc.Arbitrary<Step> = fc.record({
  content: fc.nat(CONTENTS - 1),
  host: fc.constantFrom(...HOSTS),
  port: fc.constantFrom(...PORTS),
  event: fc.constantFrom('none', 'none', 'started', 'completed', 'stopped'),
  left: fc.constantFrom(0, 5),
  way: fc.constantFrom('udp', 'http'),
  name: fc.option(fc.constantFrom('one', 'two'), { nil: undefined, freq: 8 }),
});

/** What a tracker should know of one content, said as simply as possible. */
class ContentModel {
  readonly peers = new Map<string, PeerAddress & { left: number }>();
  completed = 0;
  name: string | null = null;

  announce({ host, port, event, left, name }: Step): void {
    const key = `${host} ${port}`;
    if (event === 'stopped') {
      this.peers.delete(key);
      return;
    }
    if (event === 'completed' && left === 0 && this.peers.get(key)?.left !== 0) this.completed++;
    this.peers.set(key, { host, port, left });
    this.name ??= name ?? null;
  }

  get seeders(): number {
    return [...this.peers.values()].filter(({ left }) => left === 0).length;
  }

  get leechers(): number {
    return this.peers.size - this.seeders;
  }

  /** Whom the reply to the step has to name. */
  told({ host, port, event, left }: Step): string[] {
    if (event === 'stopped') return [];
    const others = [...this.peers.values()]
      .filter((peer) => isIpv6(peer.host) === isIpv6(host))
      .filter((peer) => peer.host !== host || peer.port !== port);
    const leechers = others.filter((peer) => peer.left !== 0);
    const isGivenAll = left !== 0 || (event === 'started' && leechers.length === 0);
    return (isGivenAll ? others : leechers).map((peer) => `${peer.host} ${peer.port}`).sort();
  }
}

onBothWays((tracker) => {
  test('any history of announces leaves what a simple model says', async () => {
    await using stack = new AsyncDisposableStack();
    const clients = new Map<string, UdpClient>();
    for (const host of HOSTS) {
      const at = isIpv6(host) ? '::1' : '127.0.0.1';
      clients.set(host, stack.use(await UdpClient.open(at, tracker().clientPort, { localAddress: host })));
    }
    await fc.assert(
      fc.asyncProperty(fc.array(STEP, { minLength: 1, maxLength: MOST_STEPS }), async (steps) => {
        const infoHashes = Array.from({ length: CONTENTS }, newInfoHash);
        const models = infoHashes.map(() => new ContentModel());
        for (const step of steps) {
          const model = models[step.content];
          const reply = await announce(step, infoHashes[step.content], clients.get(step.host)!);
          model.announce(step);
          assert.deepEqual(
            { ...reply, peers: reply.peers.map(({ host, port }) => `${host} ${port}`).sort() },
            { seeders: model.seeders, leechers: model.leechers, peers: model.told(step) },
          );
        }
        await compareScrapes(infoHashes, models, clients.get('127.0.0.1')!);
        await compareContents(infoHashes, models);
      }),
      { numRuns: RUNS },
    );
  });

  async function announce(step: Step, infoHash: Uint8Array, client: UdpClient) {
    const { host, port, event, left, way, name } = step;
    if (way === 'udp') {
      const urlData = name === undefined ? {} : { urlData: `/announce?name=${name}` };
      const reply = await client.announce({ infoHash, port, event: EVENTS[event], left: BigInt(left), ...urlData });
      return { seeders: reply.seeders, leechers: reply.leechers, peers: reply.peers };
    }
    const fields = { event: event === 'none' ? undefined : event, left, name };
    const at = isIpv6(host) ? '::1' : '127.0.0.1';
    const options = { host: at, localAddress: host };
    const reply = await httpAnnounce(tracker().clientPort, announceQuery(infoHash, port, fields), options);
    return { seeders: reply.seeders, leechers: reply.leechers, peers: reply.peers };
  }

  async function compareScrapes(infoHashes: readonly Uint8Array[], models: readonly ContentModel[], client: UdpClient) {
    const expected = models.map(({ seeders, completed, leechers }) => ({ seeders, completed, leechers }));
    assert.deepEqual((await client.scrape(infoHashes)).entries, expected);
    const reply = await exchange(tracker().clientPort, httpGet(`/scrape?${scrapeQuery(infoHashes)}`));
    const files = bencodedBody(reply).get('files') as BencodeDictionary;
    const entries = infoHashes.map(
      (infoHash) => files.get(Buffer.from(infoHash).toString('latin1')) as BencodeDictionary,
    );
    assert.deepEqual(
      entries.map((entry) => ({
        seeders: entry.get('complete'),
        completed: entry.get('downloaded'),
        leechers: entry.get('incomplete'),
      })),
      expected,
    );
  }

  async function compareContents(infoHashes: readonly Uint8Array[], models: readonly ContentModel[]) {
    const api = new TrackerApi(tracker());
    for (const [i, model] of models.entries()) {
      const content = await api.content(infoHashes[i]);
      if (content === undefined) {
        assert.equal(model.peers.size + model.completed, 0);
        assert.equal(model.name, null);
        continue;
      }
      const { name, seeders, leechers, completed } = content;
      assert.deepEqual(
        { name, seeders, leechers, completed },
        { name: model.name, seeders: model.seeders, leechers: model.leechers, completed: model.completed },
      );
      const text = ({ host, port, left }: PeerAddress & { left: number }) => `${host} ${port} ${left}`;
      assert.deepEqual(content.peers.map(text).sort(), [...model.peers.values()].map(text).sort());
    }
  }
});

function isIpv6(host: string): boolean {
  return host.includes(':');
}
