import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type ExchangedPeer,
  encodePeerExchange,
  MAX_EXCHANGED_PEERS,
  type PeerExchange,
  parsePeerExchange,
} from '../../bittorrent/peer-exchange.ts';
import { MAX_HEARD_PEERS, PexListener } from './pex-listener.ts';
import { MAX_TOLD_PEERS, PexTeller } from './pex-teller.ts';
import { isWorthTrying } from './worth-trying.ts';

const MINUTE = 60_000;
const RECEIVER = { host: '198.51.100.1', port: 1 };
const SENDER = { host: '198.51.100.2', port: 2 };

const peer = (port: number, host = '192.0.2.1'): ExchangedPeer => ({
  host,
  port,
  seed: false,
  utp: false,
  reachable: true,
});
const peers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => peer(from + i));
const ports = (list: readonly { port: number }[] | undefined) => list?.map(({ port }) => port);

test('the first message tells of all, the next ones of who came and who went', () => {
  const teller = new PexTeller(false);
  const seed = { ...peer(1), seed: true };
  assert.deepEqual(teller.next(0, [seed, peer(2)], RECEIVER), { added: [seed, peer(2)], dropped: [] });
  const { added, dropped } = teller.next(MINUTE, [peer(2), peer(3)], RECEIVER)!;
  assert.deepEqual([ports(added), ports(dropped)], [[3], [1]]);
});

test('at most once a minute, and only when there is news; news after a quiet minute goes out at once', () => {
  const teller = new PexTeller(false);
  assert.equal(teller.next(0, [], RECEIVER), undefined);
  assert.ok(teller.next(5, [peer(1)], RECEIVER));
  assert.equal(teller.next(MINUTE + 4, [peer(2)], RECEIVER), undefined);
  assert.ok(teller.next(MINUTE + 5, [peer(2)], RECEIVER));
  assert.equal(teller.next(3 * MINUTE, [peer(2)], RECEIVER), undefined);
  assert.ok(teller.next(3 * MINUTE + 1, [], RECEIVER));
});

test('who came and went between two messages is not mentioned, nor the receiver to itself', () => {
  const teller = new PexTeller(false);
  teller.next(0, [peer(1)], RECEIVER);
  assert.equal(teller.next(1, [peer(1), peer(2)], RECEIVER), undefined);
  assert.equal(teller.next(MINUTE, [peer(1), peer(RECEIVER.port, RECEIVER.host)], RECEIVER), undefined);
});

test('fifty of each at most; the others follow', () => {
  const teller = new PexTeller(false);
  assert.deepEqual(ports(teller.next(0, peers(1, 121), RECEIVER)?.added), ports(peers(1, 51)));
  assert.deepEqual(ports(teller.next(MINUTE, peers(1, 121), RECEIVER)?.added), ports(peers(51, 101)));
  const third = teller.next(2 * MINUTE, peers(61, 121), RECEIVER);
  assert.deepEqual([third?.added.length, third?.dropped.length], [20, 50]);
  assert.deepEqual(ports(teller.next(3 * MINUTE, peers(61, 121), RECEIVER)?.dropped), ports(peers(51, 61)));
});

test('of a private content nobody is told, nor heard of', () => {
  assert.equal(new PexTeller(true).next(0, peers(1, 9), RECEIVER), undefined);
  assert.deepEqual(new PexListener(true).hear(0, { added: peers(1, 9), dropped: [] }, SENDER), []);
});

test('whatever comes and goes, a peer that puts the messages together knows who is there, in the end', () => {
  const connections = fc.array(fc.uniqueArray(fc.integer({ min: 1, max: 150 }), { maxLength: 120 }), { maxLength: 12 });
  fc.assert(
    fc.property(connections, (history) => {
      const teller = new PexTeller(false);
      const known = new Set<number>();
      let nowMs = 0;
      const say = (connected: number[]): PeerExchange | undefined => {
        nowMs += MINUTE;
        const message = teller.next(
          nowMs,
          connected.map((port) => peer(port)),
          RECEIVER,
        );
        if (!message) return undefined;
        assert.ok(message.added.length <= MAX_EXCHANGED_PEERS && message.dropped.length <= MAX_EXCHANGED_PEERS);
        const read = parsePeerExchange(encodePeerExchange(message));
        for (const { port } of read.dropped) assert.ok(known.delete(port), 'only who was told of goes');
        for (const { port } of read.added) {
          assert.ok(!known.has(port), 'nobody comes twice');
          known.add(port);
        }
        return message;
      };
      for (const connected of history) say(connected);
      const last = history.at(-1) ?? [];
      while (say(last));
      assert.deepEqual(known, new Set(last));
    }),
  );
});

test('a peer is told of so many and no more, until some of them are gone', () => {
  const teller = new PexTeller(false);
  let minute = 0;
  const all = peers(1, MAX_TOLD_PEERS + 200);
  let told = 0;
  for (let i = 0; i < 40; i++) told += teller.next(minute++ * MINUTE, all, RECEIVER)?.added.length ?? 0;
  assert.equal(told, MAX_TOLD_PEERS);
  teller.next(minute++ * MINUTE, all.slice(10), RECEIVER);
  assert.equal(teller.next(minute++ * MINUTE, all.slice(10), RECEIVER)?.added.length, 10);
});

test('who is heard of once is not new the second time, unless it was gone', () => {
  const listener = new PexListener(false);
  assert.deepEqual(ports(listener.hear(0, { added: peers(1, 4), dropped: [] }, SENDER)), [1, 2, 3]);
  assert.deepEqual(ports(listener.hear(1, { added: peers(2, 6), dropped: [peer(1)] }, SENDER)), [4, 5]);
  assert.deepEqual(ports(listener.hear(MINUTE, { added: peers(1, 4), dropped: [] }, SENDER)), [1]);
});

test('messages in a row are not heard, those of a minute are', () => {
  const listener = new PexListener(false);
  const heard: number[] = [];
  for (let i = 0; i < 100; i++)
    heard.push(...(ports(listener.hear(i, { added: [peer(i + 1)], dropped: [] }, SENDER)) ?? []));
  assert.deepEqual(heard, [1, 2]);
  for (let i = 1; i < 20; i++) {
    // Each a few seconds early or late.
    const atMs = i * MINUTE + (i % 2 === 0 ? 4_000 : -4_000);
    assert.equal(listener.hear(atMs, { added: [peer(200 + i)], dropped: [] }, SENDER).length, 1, `message ${i}`);
  }
});

test('one peer fills no table', () => {
  const listener = new PexListener(false);
  let heard = 0;
  for (let i = 0; i < 50; i++) {
    heard += listener.hear(i * MINUTE, { added: peers(1 + 50 * i, 51 + 50 * i), dropped: [] }, SENDER).length;
  }
  assert.equal(heard, MAX_HEARD_PEERS);
});

test('addresses that are nobody’s are not tried, nor this machine because a stranger says so', () => {
  const stranger = SENDER;
  const neighbour = { host: '127.0.0.1', port: 9 };
  for (const host of ['0.0.0.0', '0.1.2.3', '224.0.0.1', '239.255.77.69', '255.255.255.255', '::', 'ff02::1']) {
    assert.equal(isWorthTrying({ host, port: 1 }, neighbour), false, host);
  }
  for (const host of ['127.0.0.1', '127.9.9.9', '::1']) {
    assert.equal(isWorthTrying({ host, port: 1 }, stranger), false, host);
    assert.equal(isWorthTrying({ host, port: 1 }, neighbour), true, host);
    assert.equal(isWorthTrying({ host, port: 1 }, { host: '::1', port: 9 }), true, host);
  }
  for (const host of ['10.0.0.1', '192.168.1.1', '203.0.113.9', 'fe80::1', 'fd00::1', '2001:db8::1']) {
    assert.equal(isWorthTrying({ host, port: 1 }, stranger), true, host);
    assert.equal(isWorthTrying({ host, port: 0 }, stranger), false, host);
  }
});
