import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { onBothWays } from '../harness/both-ways.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { newInfoHash, newTransactionId, UdpClient } from '../harness/udp-client.ts';
import { waitFor } from '../harness/wait-for.ts';

const [END, NOP, URL_DATA] = [0, 1, 2];

/** An option of BEP 41. */
function urlData(text: string): number[] {
  return [URL_DATA, text.length, ...Buffer.from(text, 'latin1')];
}

onBothWays((tracker) => {
  /** Announces with just these bytes behind the 98, and tells the name and size that the tracker then has. */
  async function contentAfter(
    options: Uint8Array | readonly number[],
  ): Promise<[name: string | null, size: number | null]> {
    await using client = await UdpClient.open('127.0.0.1', tracker().clientPort);
    const infoHash = newInfoHash();
    const connectionId = await client.connect();
    const transactionId = newTransactionId();
    const announce = Buffer.concat([
      client.encodeAnnounce({ infoHash, connectionId }, transactionId),
      Buffer.from(options),
    ]);
    await waitFor('the reply', async () => {
      await client.send(announce);
      await client.connect();
      return client.replyTo(transactionId);
    });
    const reply = client.replyTo(transactionId);
    assert.equal(reply?.action, 'announce');
    const content = await new TrackerApi(tracker()).content(infoHash);
    assert.equal(content?.leechers, 1);
    return [content.name, content.size];
  }

  test('announces of 98, 100 and 109 bytes are answered, as clients send them', async () => {
    const aria2 = [0, 0];
    const libtorrent = urlData('/announce');
    for (const options of [[], aria2, libtorrent]) {
      assert.deepEqual(await contentAfter(options), [null, null], `${98 + options.length} bytes`);
    }
    assert.equal(98 + libtorrent.length, 109);
  });

  test('name and size come in URL data, in one piece or in several, between NOPs', async () => {
    const text = '/announce?name=one%20film&size=1234';
    const pieces = text.match(/.{1,5}/g)!;
    for (const options of [
      urlData(text),
      [...urlData(text), END],
      [NOP, NOP, ...urlData(text), NOP, END, 0xff, 0xff],
      pieces.flatMap(urlData),
      pieces.flatMap((piece) => [NOP, ...urlData(piece), NOP]),
      [9, 3, 1, 2, 3, ...urlData(text)],
    ]) {
      assert.deepEqual(await contentAfter(options), ['one film', 1_234]);
    }
  });

  test('options that are broken are ignored, the announce is not', async () => {
    const text = '/announce?name=lost&size=1';
    for (const options of [
      [URL_DATA],
      [URL_DATA, 255],
      [URL_DATA, 0],
      [URL_DATA, 200, ...Buffer.from(text)],
      [END, ...urlData(text)],
      [200],
      [200, 100, ...urlData(text)],
      new Uint8Array(2_000).fill(URL_DATA),
      new Uint8Array(2_000).fill(NOP),
      new Uint8Array(2_000).fill(0xff),
      Array.from({ length: 8 }, () => urlData('x'.repeat(255)))
        .flat()
        .slice(0, 2_000),
    ]) {
      assert.deepEqual(await contentAfter(options), [null, null]);
    }
  });

  test('random options never keep an announce from being answered', async () => {
    for (let i = 0; i < 50; i++) await contentAfter(randomBytes(1 + i * 7));
  });
});
