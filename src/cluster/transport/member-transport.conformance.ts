import assert from 'node:assert/strict';
import { randomInt, randomUUID } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';
import { waitFor } from '../../../test/harness/wait-for.ts';
import type { ClusterId, Incarnation } from '../consensus/identity.ts';
import {
  MAX_BROADCAST_BYTES,
  MAX_KIND,
  MAX_MESSAGE_BYTES,
  MAX_QUEUED_BYTES,
  type MemberTransport,
  type Peer,
  type TransportListener,
} from './member-transport.ts';

/** A network of its own for one test: nobody else's members are on it. */
export interface TestNetwork {
  /** @param other another cluster name, or a key that is not the network's */
  open(
    self: Incarnation,
    cluster: ClusterId | null,
    other?: { name?: string; wrongKey?: true },
  ): Promise<MemberTransport>;
  close(): Promise<void>;
}

/** What a listener was told, in order. */
export interface Heard {
  readonly events: string[];
  readonly messages: { from: Peer; kind: number; body: Uint8Array }[];
  readonly datagrams: { from: Peer; body: Uint8Array }[];
  readonly listener: TransportListener;
}

export function incarnation(boot = 1, member: string = randomUUID()): Incarnation {
  return { member, boot, nonce: randomInt(2 ** 31) };
}

/** Notes everything; members go by the names given, or by their run's number. */
export function hearing(names: Record<string, string> = {}): Heard {
  const events: string[] = [];
  const messages: Heard['messages'] = [];
  const datagrams: Heard['datagrams'] = [];
  const nameOf = ({ incarnation: { member, boot } }: Peer) => `${names[member] ?? 'peer'}/${boot}`;
  const listener: TransportListener = {
    connected: (peer) => events.push(`connected ${nameOf(peer)}`),
    disconnected: (peer, reason) => events.push(`disconnected ${nameOf(peer)}: ${reason}`),
    died: (peer, proof) => events.push(`died ${nameOf(peer)}: ${proof}`),
    message: (from, kind, body) => messages.push({ from, kind, body }),
    datagram: (from, body) => datagrams.push({ from, body }),
    pulse: () => {},
    drained: (peer) => events.push(`drained ${nameOf(peer)}`),
    foreign: (cluster) => events.push(`foreign ${cluster}`),
  };
  return { events, messages, datagrams, listener };
}

export async function until(condition: () => boolean, what: string): Promise<void> {
  await waitFor(what, condition);
}

/** What every MemberTransport owes to the cluster. */
export function describeMemberTransport(name: string, createNetwork: () => Promise<TestNetwork>): void {
  describe(name, () => {
    interface Member extends Heard {
      readonly self: Incarnation;
      readonly transport: MemberTransport;
    }
    const networkOf = async (t: TestContext) => {
      const network = await createNetwork();
      t.after(() => network.close());
      return network;
    };
    const join = async (
      network: TestNetwork,
      self = incarnation(),
      cluster: ClusterId | null = CLUSTER,
      other?: { name?: string; wrongKey?: true },
    ): Promise<Member> => {
      const transport = await network.open(self, cluster, other);
      const heard = hearing();
      transport.start(heard.listener);
      return { self, transport, ...heard };
    };
    const pairOf = async (network: TestNetwork) => {
      const [a, b] = await Promise.all([join(network), join(network)]);
      await connected(a, b);
      await connected(b, a);
      return [a, b];
    };
    const connected = (a: Member, ...others: Member[]) =>
      until(
        () => others.every(({ self }) => a.transport.peers().some((peer) => peer.incarnation.nonce === self.nonce)),
        'everyone connected',
      );

    it('brings instances together that know nothing of each other, each pair once', async (t) => {
      const network = await networkOf(t);
      const members = await Promise.all(Array.from({ length: 5 }, () => join(network)));
      for (const member of members) await connected(member, ...members.filter((other) => other !== member));
      for (const { self, transport, events } of members) {
        assert.equal(events.filter((event) => event.startsWith('connected')).length, 4, events.join(', '));
        for (const peer of transport.peers()) {
          const other = members.find(({ self: { member } }) => member === peer.incarnation.member) as Member;
          assert.deepEqual(peer.incarnation, other.self);
          assert.equal(peer.cluster, CLUSTER);
          assert.notEqual(peer.incarnation.member, self.member);
        }
      }
    });

    it('delivers messages of all sizes whole, once and in order, in both directions at a time', async (t) => {
      const [a, b] = await pairOf(await networkOf(t));
      const sizes = [0, 1, 5, 100, 1_000, 16_384, 16_385, 65_536, 1_000_000, MAX_MESSAGE_BYTES];
      const sent: { kind: number; body: Buffer }[] = [];
      for (let i = 0; i < 400; i++) sent.push({ kind: i % (MAX_KIND + 1), body: patterned(sizes[i % 7], i) });
      for (const size of sizes) sent.push({ kind: 7, body: patterned(size, size) });
      await Promise.all(
        [
          [a, b],
          [b, a],
        ].map(async ([from, to]) => {
          for (const { kind, body } of sent) {
            await until(
              () => from.transport.send(to.self.member, kind, new Uint8Array(body)) === 'sent',
              'room for a message',
            );
          }
          await until(() => to.messages.length === sent.length, 'all messages');
        }),
      );
      for (const member of [a, b]) {
        for (const [i, { kind, body }] of member.messages.entries()) {
          assert.equal(kind, sent[i].kind);
          assert.ok(sent[i].body.equals(body), `message ${i} of ${sent[i].body.length} bytes is another`);
        }
      }
    });

    it('holds messages back when a member is slow, and tells when there is room again', async (t) => {
      const [a, b] = await pairOf(await networkOf(t));
      const body = Buffer.alloc(1 << 20);
      let sent = 0;
      // Without a turn of the event loop nothing leaves.
      while (a.transport.send(b.self.member, 1, new Uint8Array(body)) === 'sent') sent++;
      assert.ok(a.transport.queuedBytes(b.self.member) <= MAX_QUEUED_BYTES + body.length);
      assert.ok(sent >= 10, `held back after ${sent} messages`);
      assert.ok(a.transport.counters.messagesHeldBack > 0);
      await until(() => a.events.includes('drained peer/1'), 'room again');
      assert.equal(a.transport.send(b.self.member, 2, new Uint8Array(body)), 'sent');
      await until(() => b.messages.length === sent + 1, 'all that was taken');
      assert.equal(b.messages[sent].kind, 2);
    });

    it('broadcasts to everyone connected and not to itself', async (t) => {
      const network = await networkOf(t);
      const members = await Promise.all([join(network), join(network), join(network)]);
      for (const member of members) await connected(member, ...members.filter((other) => other !== member));
      const [a, b, c] = members;
      const longest = patterned(MAX_BROADCAST_BYTES, 3);
      await until(() => {
        a.transport.broadcast(longest);
        return b.datagrams.length > 0 && c.datagrams.length > 0;
      }, 'a datagram');
      for (const { datagrams } of [b, c]) {
        assert.deepEqual(datagrams[0].from.incarnation, a.self);
        assert.ok(longest.equals(datagrams[0].body));
      }
      assert.equal(a.datagrams.length, 0);
    });

    it('refuses what no receiver would take', async (t) => {
      const [a, b] = await pairOf(await networkOf(t));
      assert.throws(() => a.transport.send(b.self.member, MAX_KIND + 1, new Uint8Array(1)), RangeError);
      assert.throws(() => a.transport.send(b.self.member, -1, new Uint8Array(1)), RangeError);
      assert.throws(() => a.transport.send(b.self.member, 1, new Uint8Array(MAX_MESSAGE_BYTES + 1)), RangeError);
      assert.throws(() => a.transport.broadcast(new Uint8Array(MAX_BROADCAST_BYTES + 1)), RangeError);
    });

    it('says that a member it does not know is unreachable', async (t) => {
      const [a] = await pairOf(await networkOf(t));
      assert.equal(a.transport.send(randomUUID(), 1, new Uint8Array(1)), 'unreachable');
      assert.equal(a.transport.send(incarnation(), 1, new Uint8Array(1)), 'unreachable');
      assert.equal(a.transport.queuedBytes(randomUUID()), 0);
    });

    it('delivers what was sent before an orderly stop, and proves the death', async (t) => {
      const [a, b] = await pairOf(await networkOf(t));
      for (let i = 0; i < 100; i++) a.transport.send(b.self.member, 1, Buffer.from([i]));
      await a.transport.close();
      await until(() => b.events.length === 3, 'the end');
      assert.deepEqual(b.events, ['connected peer/1', 'disconnected peer/1: stopped', 'died peer/1: stopped']);
      assert.equal(b.messages.length, 100);
      assert.deepEqual(b.transport.peers(), []);
      assert.equal(b.transport.send(a.self.member, 1, new Uint8Array(1)), 'unreachable');
    });

    it('can be closed twice and is silent afterwards', async (t) => {
      const [a, b] = await pairOf(await networkOf(t));
      await Promise.all([a.transport.close(), a.transport.close()]);
      await a.transport.close();
      const heard = a.events.length;
      assert.equal(a.transport.send(b.self.member, 1, new Uint8Array(1)), 'unreachable');
      a.transport.broadcast(new Uint8Array(1));
      assert.deepEqual(a.transport.peers(), []);
      await until(() => b.events.length === 3, 'b to know');
      assert.equal(a.events.length, heard);
    });

    it('finds a member again that has been started anew', async (t) => {
      const network = await networkOf(t);
      const [a, b] = await pairOf(network);
      await b.transport.close();
      const again = await join(network, incarnation(2, b.self.member));
      await connected(a, again);
      await connected(again, a);
      assert.equal(a.transport.send(b.self.member, 9, Buffer.from('new')), 'sent');
      await until(() => again.messages.length === 1, 'the message');
      assert.equal(b.messages.length, 0);
      const order = a.events.filter((event) => !event.startsWith('died'));
      assert.deepEqual(order, ['connected peer/1', 'disconnected peer/1: stopped', 'connected peer/2']);
    });

    it('keeps two live runs of one member apart', async (t) => {
      const network = await networkOf(t);
      const [a, b] = await pairOf(network);
      const double = await join(network, incarnation(2, b.self.member));
      await connected(a, b, double);
      await connected(b, double);
      assert.equal(a.transport.send(b.self, 1, Buffer.from('first')), 'sent');
      assert.equal(a.transport.send(double.self, 2, Buffer.from('second')), 'sent');
      assert.equal(b.transport.send(double.self, 3, Buffer.from('to my double')), 'sent');
      await until(() => b.messages.length === 1 && double.messages.length === 2, 'the messages');
      assert.deepEqual(b.messages[0].kind, 1);
      assert.deepEqual(double.messages.map(({ kind }) => kind).sort(), [2, 3]);
      // The one that was there first is the member, as long as it speaks.
      assert.equal(a.transport.send(b.self.member, 4, Buffer.from('to the member')), 'sent');
      await until(() => b.messages.length === 2, 'the message to the member');
      assert.equal(double.messages.length, 2);
    });

    it('connects an instance without a cluster to everybody of its name', async (t) => {
      const network = await networkOf(t);
      const [formed, unformed, other] = [
        await join(network),
        await join(network, incarnation(), null),
        await join(network, incarnation(), null),
      ];
      await connected(unformed, formed, other);
      await connected(other, formed);
      const seen = unformed.transport.peers().map(({ cluster }) => cluster);
      assert.deepEqual(new Set(seen), new Set([CLUSTER, null]));
      other.transport.setCluster(CLUSTER);
      await until(() => unformed.transport.peers().every(({ cluster }) => cluster === CLUSTER), 'the news');
      assert.equal(unformed.events.filter((event) => event.startsWith('dis')).length, 0);
    });

    it('never connects two formed clusters, and reports each to the other', async (t) => {
      const network = await networkOf(t);
      const a = await join(network);
      const b = await join(network, incarnation(), OTHER_CLUSTER);
      await until(() => a.events.length > 0 && b.events.length > 0, 'the reports');
      assert.deepEqual(a.events, [`foreign ${OTHER_CLUSTER}`]);
      assert.deepEqual(b.events, [`foreign ${CLUSTER}`]);
    });

    it('parts from peers when it joins another cluster than they', async (t) => {
      const network = await networkOf(t);
      const a = await join(network);
      const b = await join(network, incarnation(), null);
      await connected(a, b);
      await connected(b, a);
      b.transport.setCluster(OTHER_CLUSTER);
      await until(() => a.transport.peers().length === 0 && b.transport.peers().length === 0, 'the parting');
      assert.equal(a.events[1], 'disconnected peer/1: foreign');
      assert.equal(b.events[1], 'disconnected peer/1: foreign');
      assert.ok(![...a.events, ...b.events].some((event) => event.startsWith('died')));
    });

    it('does not mix clusters of different names', async (t) => {
      const network = await networkOf(t);
      const [a, b] = await pairOf(network);
      const other = await join(network, incarnation(), CLUSTER, { name: 'another' });
      const more = await join(network, incarnation(), CLUSTER, { name: 'another' });
      await connected(other, more);
      a.transport.broadcast(Buffer.from('ours'));
      other.transport.broadcast(Buffer.from('theirs'));
      await until(() => b.datagrams.length > 0 && more.datagrams.length > 0, 'the datagrams');
      assert.equal(a.transport.peers().length + b.transport.peers().length, 2);
      assert.ok(b.datagrams.every(({ body }) => Buffer.from(body).toString() === 'ours'));
      assert.ok(more.datagrams.every(({ body }) => Buffer.from(body).toString() === 'theirs'));
    });

    it('lets nobody in without the key', async (t) => {
      const network = await networkOf(t);
      const [a, b] = await pairOf(network);
      const stranger = await join(network, incarnation(), CLUSTER, { wrongKey: true });
      const refused = () => a.transport.counters.datagramsForged > 0 && stranger.transport.counters.datagramsForged > 0;
      await until(() => {
        stranger.transport.broadcast(Buffer.from('let me in'));
        a.transport.broadcast(Buffer.from('hello'));
        return refused() && b.datagrams.length > 0;
      }, 'refusals');
      assert.deepEqual(stranger.events, []);
      assert.equal(a.events.length + b.events.length, 2);
      assert.equal(a.datagrams.length, 0);
    });
  });
}

const CLUSTER = randomUUID();
const OTHER_CLUSTER = randomUUID();

function patterned(bytes: number, seed: number): Buffer {
  const body = Buffer.alloc(bytes);
  for (let i = 0; i < bytes; i += 97) body[i] = (i * 31 + seed) & 0xff;
  return body;
}
