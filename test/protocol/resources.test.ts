import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { test } from 'node:test';
import { ANNOUNCE_INFO_HASH, ANNOUNCE_REQUEST_BYTES, REQUEST_ACTION } from '../../src/bittorrent/bep15.ts';
import { floodWithDatagrams } from '../harness/datagram-flood.ts';
import { announceQuery, failureReason, httpAnnounce, httpGet } from '../harness/http-tracker.ts';
import { openDescriptors, residentBytes } from '../harness/process-resources.ts';
import { exchange, RawConnection } from '../harness/raw-connection.ts';
import { startSwarmkeeper } from '../harness/start-swarmkeeper.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { newInfoHash, UdpClient } from '../harness/udp-client.ts';
import { waitFor } from '../harness/wait-for.ts';

const LONGEST_DATAGRAM_BYTES = 1_400;
const ROUNDS = 5;
/** The first round warms up; what the others may add, all together: 10 bytes a datagram, 500 an HTTP request. */
const MOST_GROWTH_BYTES = 8 << 20;
/** Garbage is collected from a small heap before it adds up, so that what remains is what is kept. */
const SMALL_HEAP = { env: { ...process.env, NODE_OPTIONS: '--max-old-space-size=48' } };
const skip = process.platform === 'linux' ? false : 'reads the numbers of a process in /proc';

/** Does the same again and again, and sees that the instance's memory does not grow with it. */
async function staysBounded(pid: number, round: () => Promise<void>): Promise<void> {
  const resident: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    await round();
    resident.push(residentBytes(pid));
  }
  const grown = Math.min(...resident.slice(-2)) - resident[0];
  const megabytes = resident.map((bytes) => Math.round(bytes / 2 ** 20));
  assert.ok(grown <= MOST_GROWTH_BYTES, `megabytes after each round: ${megabytes}`);
}

test('a million datagrams of rubbish leave memory and descriptors as they were', { skip }, async () => {
  await using tracker = await startSwarmkeeper(SMALL_HEAP);
  const { clientPort, pid } = tracker;
  const before = openDescriptors(pid);
  const noise = randomBytes(1 << 20);
  await using client = await UdpClient.open('127.0.0.1', clientPort);
  const connectionId = await client.connect();
  const api = new TrackerApi(tracker);
  await staysBounded(pid, () =>
    floodWithDatagrams(clientPort, 1_000_000 / ROUNDS, (bytes, at) => {
      const length = randomInt(LONGEST_DATAGRAM_BYTES);
      const from = randomInt(noise.length - length);
      bytes.set(noise.subarray(from, from + length), at);
      const view = new DataView(bytes.buffer, at);
      // A valid ID under every action but that of a whole announce, which would rightly be kept.
      if (length >= ANNOUNCE_REQUEST_BYTES) view.setUint32(REQUEST_ACTION, randomInt(2, 10));
      if (length >= ANNOUNCE_INFO_HASH && randomInt(2) === 0) view.setBigUint64(0, connectionId);
      return length;
    }),
  );
  const refused = (await api.metric('udp_malformed_total')) + (await api.metric('udp_bad_connection_id_total'));
  assert.ok(refused > 900_000, `only ${refused} arrived`);
  assert.equal(await api.metric('swarms'), 0);
  await waitFor('no more descriptors than before', () => openDescriptors(pid) <= before);
  assert.deepEqual((await tracker.stop()).stderr, '');
});

test('20,000 bad HTTP requests leave memory and descriptors as they were', { skip }, async () => {
  await using tracker = await startSwarmkeeper(SMALL_HEAP);
  const { clientPort, pid } = tracker;
  const before = openDescriptors(pid);
  const query = announceQuery(newInfoHash(), 1);
  /** Each with the status of its reply. */
  const bad: [request: string, status: number][] = [
    [httpGet('/announce?info_hash=%zz'), 200],
    [httpGet(`/announce?${query}&port=2`), 200],
    [httpGet(`/announce?${query}`).replace('port=1', 'port=0'), 200],
    [httpGet('/scrape'), 200],
    [httpGet('/nothing'), 404],
    [httpGet('/api/v1/contents/xyz'), 400],
    [`POST /announce?${query} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`, 404],
    ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    [httpGet(`/announce?${'x'.repeat(17_000)}`), 431],
    [
      `PUT /api/v1/admission/mode HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n{`,
      400,
    ],
  ];
  const atOnce = Array.from({ length: 10 }, () => bad).flat();
  await staysBounded(pid, async () => {
    for (let sent = 0; sent < 20_000 / ROUNDS; sent += atOnce.length) {
      const replies = await Promise.all(atOnce.map(([request]) => exchange(clientPort, request)));
      assert.deepEqual(
        replies.map(({ status }) => status),
        atOnce.map(([, status]) => status),
      );
    }
  });
  await waitFor('no more descriptors than before', () => openDescriptors(pid) <= before);
  assert.equal((await httpAnnounce(clientPort, query)).leechers, 1);
  assert.deepEqual((await tracker.stop()).stderr, '');
});

test('connections beyond the most that are served are closed, and those that are open go on', { skip }, async () => {
  await using tracker = await startSwarmkeeper();
  const { clientPort, pid } = tracker;
  const before = openDescriptors(pid);
  await using early = await RawConnection.open(clientPort);
  early.send('GET /api/v1/cluster HTTP/1.1\r\nHost: x\r\n\r\n');
  await early.replies(1);
  const crowd: RawConnection[] = [];
  await waitFor('one to be closed', async () => {
    const more = await Promise.all(Array.from({ length: 500 }, () => RawConnection.open(clientPort)));
    for (const connection of more) connection.send('GET /');
    crowd.push(...more);
    return crowd.some(({ ended }) => ended);
  });
  early.send('GET /api/v1/cluster HTTP/1.1\r\nHost: x\r\n\r\n');
  await early.replies(2);
  // One packet on a connection of its own needs no place among them.
  const reply = await exchange(clientPort, httpGet(`/announce?${announceQuery(newInfoHash(), 1)}`));
  assert.equal(failureReason(reply), undefined);
  for (const connection of crowd) await connection[Symbol.asyncDispose]();
  await waitFor('no more descriptors than before', () => openDescriptors(pid) <= before + 1);
});
