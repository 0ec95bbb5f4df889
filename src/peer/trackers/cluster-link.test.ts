import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { testNetwork } from '../../../test/harness/test-network.ts';
import { waitFor } from '../../../test/harness/wait-for.ts';
import type { PeerEndpoint } from '../../bittorrent/magnet.ts';
import type { AnnounceFields } from './announcement.ts';
import { ClusterLink } from './cluster-link.ts';
import { TestUdpTracker } from './test-udp-tracker.ts';

const LOOPBACK = '127.0.0.1';
/** No system asks another one for a name with so long a part. */
const UNKNOWN_NAME = `${'x'.repeat(64)}.invalid`;
const NEVER = new AbortController().signal;

test('an announce is repeated, as the same question, until it is acknowledged', async () => {
  await using place = await open();
  const [master] = place.masters;
  // Two of three datagrams are lost, whichever they are.
  master.manner = (_, count) => (count % 3 === 0 ? 'reply' : 'silence');
  await place.link.announce(fields(), NEVER);
  assert.ok(master.connects.length >= 3 && master.announces.length >= 2, `${master.heard.length}`);
  assert.equal(new Set(master.announces.map(({ transactionId }) => transactionId)).size, 1);
});

test('while the master answers it is asked by its address; when it is silent for a second, the group is asked', async () => {
  await using place = await open(2);
  const [master, other] = place.masters;
  place.answering = master;
  await place.link.announce(fields(), NEVER);
  const before = place.multicasts;
  for (let i = 0; i < 10; i++) await place.link.announce(fields(), NEVER);
  assert.equal(place.multicasts, before);
  assert.deepEqual(place.link.master, { host: LOOPBACK, port: master.port });

  master.manner = () => 'silence';
  place.answering = other;
  other.connectionId = master.connectionId;
  const { from } = await place.link.announce(fields(), NEVER);
  assert.deepEqual(from, { host: LOOPBACK, port: other.port });
  assert.deepEqual(place.link.master, from);
  assert.ok(place.multicasts > before);
  // The announce itself went out by multicast, under the connection ID that it had.
  assert.ok(place.announcesToGroup > 0);
});

test('a master that was only slow is stayed with, and a late answer of a former one moves nobody', async () => {
  await using place = await open(2);
  const [master, other] = place.masters;
  place.answering = master;
  await place.link.announce(fields(), NEVER);
  place.answering = other;
  let silent = true;
  master.manner = () => (silent ? 'silence' : 'reply');
  const first = place.link.announce(fields(), NEVER);
  await waitFor('the other to be found', () => place.link.master?.port === other.port);
  silent = false;
  await first;
  await place.link.announce(fields(), NEVER);
  assert.equal(place.link.master?.port, other.port);
});

test('many who lose the master search as one', async () => {
  await using place = await open();
  const [master] = place.masters;
  place.answering = undefined;
  const all = Array.from({ length: 500 }, () => place.link.announce(fields(), NEVER));
  await waitFor('a few questions', () => place.multicasts >= 4);
  assert.ok(place.multicasts < 20);
  place.answering = master;
  await Promise.all(all);
  assert.equal(new Set(master.announces.map(({ infoHash }) => infoHash)).size, 500);
});

test('a refusal ends the announce; one that is called off, or closed over, ends too', async () => {
  await using place = await open();
  const [master] = place.masters;
  master.manner = ({ kind }) => (kind === 'connect' ? 'reply' : { error: 'not here' });
  await assert.rejects(place.link.announce(fields(), NEVER), { code: 'REFUSED', message: /not here/ });
  master.manner = () => 'silence';
  const calledOff = new AbortController();
  const first = place.link.announce(fields(), calledOff.signal);
  const second = place.link.announce(fields(), NEVER);
  calledOff.abort();
  await assert.rejects(first, { code: 'STOPPED' });
  place.link.close();
  await assert.rejects(second, { code: 'STOPPED' });
  await assert.rejects(place.link.announce(fields(), NEVER), { code: 'STOPPED' });
});

test('asked by address, over both families, a name that is gone holds up no other', async () => {
  await using tracker = await TestUdpTracker.open('::1');
  const instances = [
    { host: UNKNOWN_NAME, port: 1 },
    { host: '127.0.0.2', port: 9 },
    { host: '::1', port: tracker.port },
  ];
  const link = await ClusterLink.open({ group: testNetwork().group, instances });
  try {
    const { from } = await link.announce(fields(), NEVER);
    assert.deepEqual(from, { host: '::1', port: tracker.port });
    assert.equal(link.isByAddress, true);
  } finally {
    link.close();
  }
});

/** A group in which one of several answers, and a link to it. */
class Place implements AsyncDisposable {
  readonly link: ClusterLink;
  readonly masters: TestUdpTracker[];
  answering: TestUdpTracker | undefined;
  /** Datagrams that came to the group. */
  multicasts = 0;
  announcesToGroup = 0;
  readonly #group: Socket;

  constructor(link: ClusterLink, masters: TestUdpTracker[], group: Socket) {
    this.link = link;
    this.masters = masters;
    this.answering = masters[0];
    this.#group = group;
    group.on('message', (datagram, { address, port }) => {
      this.multicasts++;
      if (datagram.length > 16) this.announcesToGroup++;
      this.answering?.hear(datagram, { host: address, port } satisfies PeerEndpoint);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.link.close();
    this.#group.close();
    await Promise.all(this.masters.map((master) => master[Symbol.asyncDispose]()));
  }
}

async function open(count = 1): Promise<Place> {
  const { group } = testNetwork();
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  socket.bind(group.port, group.host);
  await once(socket, 'listening');
  socket.addMembership(group.host, LOOPBACK);
  const masters = await Promise.all(Array.from({ length: count }, () => TestUdpTracker.open()));
  return new Place(await ClusterLink.open({ group, interfaces: [LOOPBACK] }), masters, socket);
}

function fields(): AnnounceFields {
  return { infoHash: randomBytes(20), peerId: randomBytes(20), port: 6881, uploaded: 1, downloaded: 2, left: 3 };
}
