import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { waitFor } from '../../../test/harness/wait-for.ts';
import { writeAnnounceReplyHeader } from '../../bittorrent/bep15.ts';
import type { AnnounceFields } from './announcement.ts';
import { TestUdpTracker } from './test-udp-tracker.ts';
import {
  FIRST_ATTEMPT_MS,
  MAX_DOUBLINGS,
  MAX_UNANSWERED,
  type UdpTrackerAddress,
  UdpTrackers,
} from './udp-trackers.ts';

const PATIENT = { firstMs: 10_000, attempts: 9 };
const PATIENCE_OF_BEP_15 = { firstMs: FIRST_ATTEMPT_MS, attempts: MAX_DOUBLINGS + 1 };
/** How much faster time goes where tests hurry it. */
const HURRY = 20_000;
/** Still enough for an answer on a busy machine. */
const LEAST_WAIT_MS = 200;
const NEVER = new AbortController().signal;

test('an announce says what it is given, and brings what the tracker says', async () => {
  await using tracker = await TestUdpTracker.open();
  await using udp = open();
  tracker.peers = [
    { host: '192.0.2.1', port: 1 },
    { host: '192.0.2.2', port: 0 },
  ];
  tracker.intervalSeconds = 77;
  const said = { ...fields(), key: 5, left: 2 ** 53 - 1, event: 'completed' as const };
  const answer = await udp.announce(at(tracker, '/announce?passkey=1'), said, PATIENT, NEVER);
  assert.equal(answer.intervalSeconds, 77);
  assert.deepEqual(answer.peers, [{ host: '192.0.2.1', port: 1 }]);
  const [heard] = tracker.announces;
  const { infoHash, event, key, left, port, urlData } = heard;
  assert.deepEqual(
    { infoHash, event, key, left, port, urlData },
    {
      infoHash: Buffer.from(said.infoHash).toString('hex'),
      event: 1,
      key: 5,
      left: 2n ** 53n - 1n,
      port: said.port,
      urlData: '/announce?passkey=1',
    },
  );
  assert.equal(heard.connectionId, tracker.connectionId);
});

test('many announces of one tracker share a socket and a connection ID, asked for once', async () => {
  await using tracker = await TestUdpTracker.open();
  await using udp = open();
  const all = Array.from({ length: 500 }, () => udp.announce(at(tracker), fields(), PATIENT, NEVER));
  await Promise.all(all);
  assert.equal(tracker.connects.length, 1);
  assert.equal(new Set(tracker.heard.map(({ from }) => from.port)).size, 1);
  assert.equal(new Set(tracker.announces.map(({ infoHash }) => infoHash)).size, 500);
});

test('a tracker that does not answer has a bounded number of announces in its queue', async () => {
  await using tracker = await TestUdpTracker.open();
  await using udp = open();
  const answering = Array.from({ length: 3 * MAX_UNANSWERED }, () =>
    udp.announce(at(tracker), fields(), PATIENT, NEVER),
  );
  tracker.manner = ({ kind }) => (kind === 'connect' ? 'reply' : 'silence');
  await waitFor('as many as may', () => tracker.announces.length === MAX_UNANSWERED);
  // Another tracker is not held up by it.
  await using other = await TestUdpTracker.open();
  await udp.announce(at(other), fields(), PATIENT, NEVER);
  assert.equal(tracker.announces.length, MAX_UNANSWERED);
  const ended = Promise.allSettled(answering);
  await udp.close();
  for (const each of await ended) assert.equal(each.status === 'rejected' && each.reason.code, 'STOPPED');
});

test('the wait doubles after each attempt without an answer, and begins anew once there is one (BEP 15)', async (t) => {
  await using tracker = await TestUdpTracker.open();
  await using udp = open();
  const waits = hurriedTime(t);
  tracker.manner = (_, count) => (count < 4 || count === 5 ? 'silence' : 'reply');
  await udp.announce(at(tracker), fields(), PATIENCE_OF_BEP_15, NEVER);
  assert.deepEqual(
    tracker.heard.map(({ kind }) => kind),
    ['connect', 'connect', 'connect', 'connect', 'announce', 'announce'],
  );
  assert.deepEqual(waits, [15_000, 30_000, 60_000, 120_000, 15_000, 30_000]);

  waits.length = 0;
  tracker.manner = () => 'silence';
  await assert.rejects(udp.announce(at(tracker), fields(), PATIENCE_OF_BEP_15, NEVER), { code: 'NO_ANSWER' });
  assert.deepEqual(
    waits,
    [15, 30, 60, 120, 240, 480, 960, 1920, 3840].map((seconds) => seconds * 1_000),
  );
});

test('several who wait for one connection ID ask for it again, no oftener than one of them would', async () => {
  await using tracker = await TestUdpTracker.open();
  await using udp = open();
  tracker.manner = ({ kind }) => (kind === 'connect' && tracker.connects.length < 4 ? 'silence' : 'reply');
  const all: Promise<unknown>[] = [];
  for (let i = 0; i < 10; i++) {
    all.push(udp.announce(at(tracker), fields(), { firstMs: 60, attempts: 9 }, NEVER));
    await waitFor('the next', () => new Promise((resolve) => setImmediate(() => resolve(true))));
  }
  await Promise.all(all);
  // Each by itself would have sent ten before the first wait was over.
  assert.equal(tracker.connects.length, 4);
});

test('after so many attempts it is given up, with a reason', async () => {
  await using tracker = await TestUdpTracker.open();
  await using udp = open();
  tracker.manner = () => 'silence';
  const asked = udp.announce(at(tracker), fields(), { firstMs: 5, attempts: 4 }, NEVER);
  await assert.rejects(asked, { code: 'NO_ANSWER', message: /did not answer 4 requests/ });
  assert.equal(tracker.heard.length, 4);
});

test('a connection ID is used for a minute, also in the middle of an announce', async (t) => {
  await using tracker = await TestUdpTracker.open();
  await using udp = open();
  await udp.announce(at(tracker), fields(), PATIENT, NEVER);
  const now = performance.now.bind(performance);
  let passedMs = 0;
  t.mock.method(performance, 'now', () => now() + passedMs);
  passedMs = 59_000;
  await udp.announce(at(tracker), fields(), PATIENT, NEVER);
  assert.equal(tracker.connects.length, 1);
  passedMs = 60_500;
  tracker.connectionId++;
  await udp.announce(at(tracker), fields(), PATIENT, NEVER);
  assert.equal(tracker.connects.length, 2);
  assert.equal(tracker.announces.at(-1)?.connectionId, tracker.connectionId);

  tracker.connectionId++;
  tracker.manner = ({ kind, connectionId }) => {
    // The first attempt is lost, and the wait for its answer outlasts the ID.
    if (kind === 'connect' || connectionId === tracker.connectionId) return 'reply';
    passedMs += 61_000;
    return 'silence';
  };
  await udp.announce(at(tracker), fields(), { firstMs: 20, attempts: 3 }, NEVER);
  assert.equal(tracker.connects.length, 3);
});

test('a refusal is told; one that may be of the connection ID is asked about once more', async () => {
  await using tracker = await TestUdpTracker.open();
  await using udp = open();
  await udp.announce(at(tracker), fields(), PATIENT, NEVER);
  const old = tracker.connectionId++;
  tracker.manner = ({ connectionId }) => (connectionId === old ? { error: 'unknown connection' } : 'reply');
  await udp.announce(at(tracker), fields(), PATIENT, NEVER);
  assert.equal(tracker.announces.length, 3);

  tracker.manner = ({ kind }) => (kind === 'connect' ? 'reply' : { error: 'not\nhere' });
  await assert.rejects(udp.announce(at(tracker), fields(), PATIENT, NEVER), { code: 'REFUSED', message: /not here/ });
  assert.equal(tracker.announces.length, 5);
});

test('only who was asked may answer, what was asked', async () => {
  await using tracker = await TestUdpTracker.open();
  await using stranger = await TestUdpTracker.open();
  await using udp = open();
  tracker.manner = (request) => {
    if (request.kind === 'connect') return 'reply';
    const reply = (transactionId: number, intervalSeconds: number) => {
      const bytes = new Uint8Array(20);
      writeAnnounceReplyHeader(new DataView(bytes.buffer), 0, transactionId, intervalSeconds, 0, 0);
      return bytes;
    };
    // The right transaction from the wrong place, and the wrong one, the wrong action and nonsense from the right one.
    stranger.send(reply(request.transactionId, 1), request.from);
    tracker.send(reply(request.transactionId ^ 1, 2), request.from);
    tracker.send(Buffer.concat([new Uint8Array(4), reply(request.transactionId, 3).subarray(4)]), request.from);
    tracker.send(reply(request.transactionId, 4).subarray(0, 19), request.from);
    tracker.send(randomBytes(7), request.from);
    return 'reply';
  };
  tracker.intervalSeconds = 99;
  for (let i = 0; i < 20; i++) {
    const { intervalSeconds } = await udp.announce(at(tracker), fields(), PATIENT, NEVER);
    assert.equal(intervalSeconds, 99);
  }
});

test('over IPv6 peers are IPv6', async () => {
  await using tracker = await TestUdpTracker.open('::1');
  await using udp = open();
  tracker.peers = [{ host: '2001:db8::1', port: 9 }];
  const { peers } = await udp.announce(
    { endpoint: { host: '0:0:0:0:0:0:0:1', port: tracker.port }, family: 6, path: '' },
    fields(),
    PATIENT,
    NEVER,
  );
  assert.deepEqual(peers, tracker.peers);
  assert.equal(tracker.announces[0].urlData, undefined);
});

test('where nothing can be sent, nobody waits', async () => {
  await using udp = open();
  // The kernel does not send from here to a group of another scope without a route, or to port 0.
  const address: UdpTrackerAddress = { endpoint: { host: '255.255.255.255', port: 9 }, family: 4, path: '' };
  await assert.rejects(udp.announce(address, fields(), PATIENT, NEVER), { code: 'UNREACHABLE' });
});

test('an announce that is called off ends at once, and one that waits for it goes on', async () => {
  await using tracker = await TestUdpTracker.open();
  await using udp = open();
  tracker.manner = () => 'silence';
  const calledOff = new AbortController();
  const first = udp.announce(at(tracker), fields(), PATIENT, calledOff.signal);
  const second = udp.announce(at(tracker), fields(), { firstMs: 200, attempts: 9 }, NEVER);
  await waitFor('the connect', () => tracker.connects.length === 1);
  calledOff.abort();
  await assert.rejects(first, { code: 'STOPPED' });
  tracker.manner = () => 'reply';
  await second;
});

function open() {
  const udp = new UdpTrackers();
  return Object.assign(udp, { [Symbol.asyncDispose]: () => udp.close() });
}

/** @returns the waits that begin, milliseconds as they are asked for */
function hurriedTime(t: TestContext): number[] {
  const waits: number[] = [];
  const { setTimeout } = globalThis;
  t.mock.method(globalThis, 'setTimeout', (ring: () => void, ms: number) => {
    waits.push(ms);
    return setTimeout(ring, Math.max(LEAST_WAIT_MS, ms / HURRY));
  });
  return waits;
}

function at({ port }: TestUdpTracker, path = ''): UdpTrackerAddress {
  return { endpoint: { host: '127.0.0.1', port }, family: 4, path };
}

function fields(): AnnounceFields {
  return { infoHash: randomBytes(20), peerId: randomBytes(20), port: 6881, uploaded: 1, downloaded: 2, left: 3 };
}
