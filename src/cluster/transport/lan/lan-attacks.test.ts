import assert from 'node:assert/strict';
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { channel } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import type { Incarnation } from '../../consensus/identity.ts';
import { deriveKey, generateMemberKey, type MemberKey } from '../member-key.ts';
import { type Heard, hearing, incarnation, until } from '../member-transport.conformance.ts';
import type { MemberTransport } from '../member-transport.ts';
import { MAX_UNPROVEN } from './bounds.ts';
import { encodeHello, HELLO } from './handshake.ts';
import { DEFAULT_MEMBER_GROUP, openLanTransport } from './lan-transport.ts';

const CLUSTER = randomUUID();
const NAME = 'attacked';

interface Member extends Heard {
  readonly transport: MemberTransport;
  readonly warnings: string[];
}

/** Members of one cluster, and the attacker's ear and mouth on their group. */
async function stage(t: TestContext, key: MemberKey | null = generateMemberKey()) {
  const groupPort = randomInt(20_000, 30_000);
  const join = async (self: Incarnation = incarnation()): Promise<Member> => {
    const warnings: string[] = [];
    const transport = await openLanTransport({
      clusterName: NAME,
      cluster: CLUSTER,
      self,
      host: '127.0.0.1',
      port: 0,
      groupPort,
      key,
      warn: (message) => warnings.push(message),
    });
    t.after(() => transport.close());
    const heard = hearing();
    transport.start(heard.listener);
    return { transport, warnings, ...heard };
  };
  const wire = createSocket({ type: 'udp4', reuseAddr: true });
  wire.bind(groupPort, DEFAULT_MEMBER_GROUP);
  await once(wire, 'listening');
  wire.addMembership(DEFAULT_MEMBER_GROUP, '127.0.0.1');
  wire.setMulticastInterface('127.0.0.1');
  t.after(() => wire.close());
  const inject = (datagram: Uint8Array) => wire.send(datagram, groupPort, DEFAULT_MEMBER_GROUP);
  return { key, join, wire, inject };
}

async function pair(join: () => Promise<Member>): Promise<[Member, Member]> {
  const members: [Member, Member] = [await join(), await join()];
  await until(() => members.every(({ transport }) => transport.peers().length === 1), 'the pair');
  return members;
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** All that is sent to the group from now on. */
function record(wire: UdpSocket): Buffer[] {
  const datagrams: Buffer[] = [];
  wire.on('message', (datagram) => datagrams.push(datagram));
  return datagrams;
}

test('garbage to the group is refused and counted, reported once, and disturbs nobody', async (t) => {
  const { join, wire, inject } = await stage(t);
  const [a, b] = await pair(join);
  const recorded = record(wire);
  await until(() => recorded.length > 0, 'a datagram');
  const genuine = recorded[0];
  for (let i = 0; i < 30; i++) inject(randomBytes(randomInt(0, 1_300)));
  for (const at of [4, 10, 25, 40, genuine.length - 1]) {
    const changed = Buffer.from(genuine);
    changed[at] ^= 1;
    inject(changed);
  }
  inject(genuine.subarray(0, 20));
  // The one whose datagram it was ignores what bears its own salt.
  const count = (counter: 'datagramsForged' | 'datagramsMalformed') =>
    a.transport.counters[counter] + b.transport.counters[counter];
  await until(() => count('datagramsForged') === 6 && count('datagramsMalformed') === 62, 'refusals');
  await until(() => a.warnings.length > 0, 'a warning');
  b.transport.broadcast(Buffer.from('genuine'));
  await until(() => a.datagrams.length === 1, 'the genuine datagram');
  assert.equal(a.warnings.length, 1);
  assert.match(a.warnings[0], /\d+ datagrams/);
  assert.deepEqual(a.events, ['connected peer/1']);
});

test('a datagram is heard once, however often it is repeated', async (t) => {
  const { join, wire, inject } = await stage(t);
  const [a, b] = await pair(join);
  const recorded = record(wire);
  for (let i = 0; i < 5; i++) b.transport.broadcast(Buffer.from([i]));
  await until(() => a.datagrams.length === 5 && recorded.length >= 5, 'the datagrams');
  const before = a.transport.counters.datagramsReplayed;
  const replayed = [...recorded];
  for (const datagram of [...replayed, ...replayed.toReversed()]) inject(datagram);
  await until(() => a.transport.counters.datagramsReplayed - before >= 10, 'refusals');
  assert.equal(a.datagrams.length, 5);
});

test('what a living member sent before a newcomer met it is refused by the newcomer', async (t) => {
  const { join, wire, inject } = await stage(t);
  const [a, b] = await pair(join);
  const recorded = record(wire);
  for (let i = 0; i < 3; i++) b.transport.broadcast(Buffer.from('the past'));
  await until(() => a.datagrams.length === 3 && recorded.length >= 3, 'the datagrams');
  const past = [...recorded];
  const newcomer = await join();
  await until(() => newcomer.transport.peers().length === 2, 'the newcomer');
  const before = newcomer.transport.counters.datagramsReplayed;
  for (const datagram of past) inject(datagram);
  await until(() => newcomer.transport.counters.datagramsReplayed - before >= 3, 'refusals');
  assert.equal(newcomer.datagrams.length, 0);
});

test('datagrams of a life that has ended bring it back for nobody, a newcomer included', async (t) => {
  const { join, wire, inject } = await stage(t);
  const [a, b] = await pair(join);
  const recorded = record(wire);
  for (let i = 0; i < 5; i++) b.transport.broadcast(Buffer.from('I live'));
  await until(() => a.datagrams.length === 5 && recorded.length >= 5, 'the datagrams');
  await b.transport.close();
  await until(() => a.events.length === 3, 'the end of b');
  const newcomer = await join();
  await until(() => newcomer.transport.peers().length + a.transport.peers().length === 2, 'the newcomer');
  const heard = a.events.length;
  const dialed = newcomer.transport.counters.connectionsDialed;
  const past = [...recorded];
  const refusals = () => newcomer.transport.counters.connectionsDialed - dialed;
  await until(() => {
    for (const datagram of past) inject(datagram);
    return refusals() >= 3;
  }, 'the newcomer to look whether b lives');
  assert.equal(a.events.length, heard);
  assert.deepEqual(newcomer.events, ['connected peer/1']);
  assert.equal(newcomer.datagrams.length, 0);
  assert.equal(a.datagrams.length, 5);
});

test('datagrams of an earlier life say nothing of a member that lives again', async (t) => {
  const { join, wire, inject } = await stage(t);
  const [a, b] = await pair(join);
  const recorded = record(wire);
  b.transport.broadcast(Buffer.from('first life'));
  await until(() => a.datagrams.length === 1 && recorded.length > 0, 'a datagram');
  const past = [...recorded];
  await b.transport.close();
  const again = await join({ ...incarnation(2), member: b.transport.self.member });
  await until(() => a.transport.peers().length === 1, 'b again');
  for (const datagram of past) inject(datagram);
  again.transport.broadcast(Buffer.from('second life'));
  await until(() => a.datagrams.length === 2, 'the new datagram');
  assert.deepEqual(
    a.datagrams.map(({ body }) => Buffer.from(body).toString()),
    ['first life', 'second life'],
  );
  assert.equal(a.transport.peers()[0].incarnation.boot, 2);
});

test('a crowd of silent connections keeps no member out, and is dropped', async (t) => {
  const { join } = await stage(t);
  const a = await join();
  const crowd: Socket[] = [];
  for (let i = 0; i < MAX_UNPROVEN * 3; i++) {
    const socket = connect(a.transport.port, '127.0.0.1').on('error', () => {});
    crowd.push(socket);
  }
  await until(() => a.transport.counters.handshakesCrowdedOut >= MAX_UNPROVEN * 2, 'the crowd');
  const b = await join();
  await until(() => b.transport.peers().length === 1, 'the member');
  await until(() => crowd.every((socket) => socket.destroyed || socket.readableEnded), 'the end of the crowd');
});

test('connections that speak anything but TLS are refused and counted', async (t) => {
  const { join } = await stage(t);
  const [a] = await pair(join);
  const failed = a.transport.counters.handshakesFailed;
  for (const bytes of [randomBytes(100), Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(70_000)]) {
    const socket = connect(a.transport.port, '127.0.0.1').on('error', () => {});
    socket.write(bytes);
    socket.resume();
    await closed(socket);
  }
  assert.equal(a.transport.counters.handshakesFailed - failed, 3);
  assert.deepEqual(a.events, ['connected peer/1']);
});

test('TLS without the key, with another one, or without forward secrecy is refused', async (t) => {
  const { join, key } = await stage(t);
  const a = await join();
  const secret = deriveKey(key as MemberKey, NAME, 'connections');
  const psk = (bytes: Buffer, identity = 'swarmkeeper member') => ({ pskCallback: () => ({ psk: bytes, identity }) });
  const attempts = {
    'no key': { rejectUnauthorized: false },
    'another key': psk(randomBytes(32)),
    'the key of another cluster name': psk(deriveKey(key as MemberKey, 'other', 'connections')),
    'another identity': psk(secret, 'somebody'),
    'TLS 1.2 without forward secrecy': { ...psk(secret), maxVersion: 'TLSv1.2', ciphers: 'PSK-AES128-GCM-SHA256' },
    'TLS 1.2': { ...psk(secret), maxVersion: 'TLSv1.2', ciphers: 'ECDHE-PSK-CHACHA20-POLY1305' },
  } as const;
  for (const [what, options] of Object.entries(attempts)) {
    const outcome = await new Promise<string>((resolve) => {
      const socket = connectTls({
        port: a.transport.port,
        host: '127.0.0.1',
        checkServerIdentity: () => undefined,
        ...options,
      });
      socket.on('secureConnect', () => resolve('let in'));
      socket.on('error', () => resolve('refused'));
      socket.on('close', () => resolve('refused'));
    });
    assert.equal(outcome, 'refused', what);
  }
  assert.equal(a.transport.counters.handshakesFailed, Object.keys(attempts).length);
  assert.deepEqual(a.events, []);
});

test('a stranger on this machine that breaks the handshake of a cluster without a key is dropped and counted', async (t) => {
  const { join } = await stage(t, null);
  const [a] = await pair(join);
  const card = { clusterName: NAME, cluster: CLUSTER, incarnation: incarnation(), host: '127.0.0.1', port: 9 };
  const hello = encodeHello({
    card,
    origin: { salt: randomBytes(16), counter: 0 },
    to: a.transport.self,
    dial: 1,
    accepted: 0,
  });
  const frame = (kind: number, body: Uint8Array, length = 1 + body.length) => {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(length);
    head[4] = kind;
    return Buffer.concat([head, body]);
  };
  const wrong = {
    'an impossible length': frame(HELLO, new Uint8Array(0), 0xffff_ffff),
    'no length': frame(HELLO, new Uint8Array(0), 0),
    'a longer frame than a handshake needs': frame(HELLO, new Uint8Array(600)),
    'a message in place of a hello': frame(3, hello),
    'half a hello': frame(HELLO, hello.subarray(0, 50)),
    'a hello with more behind it': frame(HELLO, Buffer.concat([hello, Buffer.alloc(1)])),
    'another version': frame(HELLO, Buffer.concat([Buffer.of(9), hello.subarray(1)])),
  };
  for (const [what, bytes] of Object.entries(wrong)) {
    const failed = a.transport.counters.handshakesFailed;
    const socket = connect(a.transport.port, '127.0.0.1').on('error', () => {});
    socket.write(bytes);
    socket.resume();
    await closed(socket);
    assert.equal(a.transport.counters.handshakesFailed - failed, 1, what);
  }
  assert.deepEqual(a.events, ['connected peer/1']);
});

test('a peer that breaks the protocol after its handshake is dropped and counted', async (t) => {
  const { join } = await stage(t, null);
  const a = await join();
  const card = { clusterName: NAME, cluster: CLUSTER, incarnation: incarnation(), host: '127.0.0.1', port: 9 };
  const origin = { salt: randomBytes(16), counter: 0 };
  const socket = connect(a.transport.port, '127.0.0.1').on('error', () => {});
  const hello = encodeHello({ card, origin, to: a.transport.self, dial: 1, accepted: 0 });
  const head = Buffer.alloc(5);
  head.writeUInt32BE(1 + hello.length);
  head[4] = HELLO;
  socket.write(Buffer.concat([head, hello]));
  await once(socket, 'data');
  assert.deepEqual(a.events, ['connected peer/1']);
  // More than any message may have: refused by its length, before any of it is there.
  socket.write(Buffer.from([0x7f, 0xff, 0xff, 0xff]));
  socket.resume();
  await closed(socket);
  assert.equal(a.events[1], 'disconnected peer/1: protocol');
  assert.equal(a.transport.counters.connectionsBroken, 1);
});

test('a connection that is reset while both ends live is made anew, and nobody is taken for dead', async (t) => {
  const sockets: Socket[] = [];
  const note = (message: unknown) => sockets.push((message as { socket: Socket }).socket);
  channel('net.server.socket').subscribe(note);
  t.after(() => channel('net.server.socket').unsubscribe(note));
  const { join } = await stage(t, null);
  const [a, b] = await pair(join);
  for (let round = 1; round <= 5; round++) {
    const count = a.events.length + b.events.length;
    const newest = sockets.findLast((socket) => !socket.destroyed) as Socket;
    newest.resetAndDestroy();
    await until(
      () =>
        a.transport.peers().length + b.transport.peers().length === 2 && a.events.length + b.events.length > count + 1,
      `the connection after reset ${round}`,
    );
  }
  const events = [...a.events, ...b.events];
  assert.ok(!events.some((event) => event.startsWith('died')), events.join(', '));
  assert.equal(a.transport.send(b.transport.self.member, 1, Buffer.from('still here')), 'sent');
  await until(() => b.messages.length === 1, 'the message');
});
