import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { test } from 'node:test';
import { encodeScrapeRequest, PROTOCOL_ID } from '../../src/bittorrent/bep15.ts';
import { onBothWays } from '../harness/both-ways.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { newInfoHash, newTransactionId, UdpClient } from '../harness/udp-client.ts';
import { staysUnanswered } from './unanswered.ts';

const MAX_UDP_PAYLOAD_BYTES = 65_507;
const GARBAGE_DATAGRAMS = 5_000;
/** Offset of the action in every request. */
const ACTION = 8;

onBothWays((tracker) => {
  const open = () => UdpClient.open('127.0.0.1', tracker().clientPort);

  test('announces cut at any length get no answer', async () => {
    await using client = await open();
    const connectionId = await client.connect();
    const infoHash = newInfoHash();
    const announce = client.encodeAnnounce({ infoHash, connectionId });
    const cut = Array.from({ length: 98 }, (_, length) => announce.subarray(0, length));
    await staysUnanswered(tracker(), {}, cut);
    assert.deepEqual((await client.scrape([infoHash])).entries, [{ seeders: 0, completed: 0, leechers: 0 }]);
  });

  test('datagrams beyond what any request takes get no answer, valid though they begin', async () => {
    await using client = await open();
    const connectionId = await client.connect();
    const infoHash = newInfoHash();
    const announce = client.encodeAnnounce({ infoHash, connectionId });
    const scrape = encodeScrapeRequest({ connectionId, transactionId: newTransactionId(), infoHashes: [infoHash] });
    const lengths = [2_112, 2_113, 3_000, 4_096, 16_384, 65_000, MAX_UDP_PAYLOAD_BYTES];
    await staysUnanswered(
      tracker(),
      {},
      lengths.flatMap((length) => [padded(announce, length), padded(scrape, length), Buffer.alloc(length)]),
    );
    assert.deepEqual((await client.scrape([infoHash])).entries, [{ seeders: 0, completed: 0, leechers: 0 }]);
  });

  test('an announce with as much behind it as a datagram may have is answered', async () => {
    await using client = await open();
    const connectionId = await client.connect();
    const infoHash = newInfoHash();
    const transactionId = newTransactionId();
    await client.send(padded(client.encodeAnnounce({ infoHash, connectionId }, transactionId), 2_111));
    await client.announce({ infoHash });
    assert.equal(client.replyTo(transactionId)?.action, 'announce');
  });

  test('actions that BEP 15 does not know get no answer, with a valid connection ID too', async () => {
    await using client = await open();
    const connectionId = await client.connect();
    const requests = [3, 4, 5, 255, 256, 0x0100_0000, 0x7fff_ffff, 0xffff_ffff].map((action) => {
      const request = Buffer.from(client.encodeAnnounce({ infoHash: newInfoHash(), connectionId }));
      request.writeUInt32BE(action, ACTION);
      return request;
    });
    await staysUnanswered(tracker(), {}, requests);
  });

  test('thousands of datagrams of rubbish are ignored and counted', async () => {
    const api = new TrackerApi(tracker());
    const before = (await api.metric('udp_malformed_total')) + (await api.metric('udp_bad_connection_id_total'));
    await staysUnanswered(tracker(), { localAddress: '127.0.0.9' }, Array.from({ length: GARBAGE_DATAGRAMS }, rubbish));
    const after = (await api.metric('udp_malformed_total')) + (await api.metric('udp_bad_connection_id_total'));
    assert.ok(after - before > GARBAGE_DATAGRAMS * 0.9, `${after - before} of ${GARBAGE_DATAGRAMS} were counted`);
  });

  test('rubbish behind a valid connection ID and action never harms the tracker', async () => {
    await using client = await open();
    const connectionId = await client.connect();
    for (let i = 0; i < 2_000; i++) {
      const request = Buffer.concat([Buffer.alloc(16), randomBytes(randomInt(400))]);
      request.writeBigUInt64BE(connectionId);
      request.writeUInt32BE(randomInt(1, 4), ACTION);
      await client.send(request);
      if (i % 100 === 0) await client.scrape([newInfoHash()]);
    }
    assert.equal((await client.announce({ infoHash: newInfoHash() })).leechers, 1);
  });
});

function padded(request: Uint8Array, length: number): Buffer {
  return Buffer.concat([request, Buffer.alloc(length - request.length)]);
}

/** Random bytes, three quarters of them under a header that looks like a connect, an announce or a scrape. */
function rubbish(): Buffer {
  const bytes = randomBytes(randomInt(2_500));
  if (bytes.length < 16) return bytes;
  const action = randomInt(4);
  if (action < 3) bytes.writeUInt32BE(action, ACTION);
  // Whoever has no connection ID yet may think that this is one. A connect would be answered for it.
  if (action > 0 && randomInt(2) === 0) bytes.writeBigUInt64BE(PROTOCOL_ID);
  return bytes;
}
