import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onBothWays } from '../harness/both-ways.ts';
import { announceQuery, failureReason, httpAnnounce, httpGet, readAnnounceReply } from '../harness/http-tracker.ts';
import { openDescriptors } from '../harness/process-resources.ts';
import { exchange, RawConnection } from '../harness/raw-connection.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { newInfoHash } from '../harness/udp-client.ts';
import { waitFor } from '../harness/wait-for.ts';

/** Open at one time; well below what the instance takes, and far above what tests elsewhere leave open. */
const MANY_CONNECTIONS = 1_500;

onBothWays((tracker) => {
  const open = () => RawConnection.open(tracker().clientPort);
  /** A request whose connection may go on, as HTTP/1.1 has it when nobody says otherwise. */
  const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`;

  test('an announce byte by byte is answered like one in a packet', async () => {
    const infoHash = newInfoHash();
    await httpAnnounce(tracker().clientPort, announceQuery(infoHash, 1));
    await using connection = await open();
    for (const character of httpGet(`/announce?${announceQuery(infoHash, 2)}`)) {
      connection.send(character);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const reply = await connection.reply();
    assert.deepEqual(readAnnounceReply(reply, 4).peers, [{ host: '127.0.0.1', port: 1 }]);
    await connection.untilEnded();
  });

  test('an announce cut in two at any place is answered', async () => {
    const request = httpGet(`/announce?${announceQuery(newInfoHash(), 1)}`);
    for (let cut = 1; cut < request.length; cut += 11) {
      await using connection = await open();
      connection.send(request.slice(0, cut));
      // Once it is here, the first part has been taken for itself.
      await exchange(tracker().clientPort, httpGet('/scrape'));
      connection.send(request.slice(cut));
      assert.equal(readAnnounceReply(await connection.reply(), 4).leechers, 1, `cut at ${cut}`);
    }
  });

  test('announces one behind the other in one packet are all answered, in their order', async () => {
    // Swarms of none, one and two others, so that the replies can be told apart.
    const infoHashes = [newInfoHash(), newInfoHash(), newInfoHash()];
    for (const [others, infoHash] of infoHashes.entries()) {
      for (let port = 1; port <= others; port++) {
        await httpAnnounce(tracker().clientPort, announceQuery(infoHash, port));
      }
    }
    await using connection = await open();
    connection.send(infoHashes.map((infoHash) => get(`/announce?${announceQuery(infoHash, 9)}`)).join(''));
    const replies = await connection.replies(3);
    assert.deepEqual(
      replies.map((reply) => readAnnounceReply(reply, 4).leechers),
      [1, 2, 3],
    );
  });

  test('a connection that is kept alive serves one request after the other', async () => {
    const infoHash = newInfoHash();
    await using connection = await open();
    connection.send(get('/api/v1/contents'));
    await connection.replies(1);
    for (let port = 1; port <= 5; port++) {
      connection.send(get(`/announce?${announceQuery(infoHash, port)}`));
      const reply = (await connection.replies(1 + port))[port];
      assert.equal(readAnnounceReply(reply, 4).leechers, port);
    }
  });

  test('a client that does not say whether it goes on is told whether the tracker does', async () => {
    await using connection = await open();
    connection.send(get(`/announce?${announceQuery(newInfoHash(), 1)}`));
    const { headers } = await connection.reply();
    if (headers.get('connection') === 'close') await connection.untilEnded();
    else assert.equal(headers.get('connection'), 'keep-alive');
  });

  test('HTTP/1.0 is answered and the connection closed', async () => {
    for (const host of ['', 'Host: x\r\n']) {
      await using connection = await open();
      connection.send(`GET /announce?${announceQuery(newInfoHash(), 1)} HTTP/1.0\r\n${host}\r\n`);
      assert.equal(readAnnounceReply(await connection.reply(), 4).leechers, 1);
      await connection.untilEnded();
    }
  });

  test('a client that closes its half behind the request gets its answer', async () => {
    const infoHash = newInfoHash();
    const request = httpGet(`/announce?${announceQuery(infoHash, 1)}`);
    for (const parts of [[request], [request.slice(0, 30), request.slice(30)]]) {
      await using connection = await open();
      for (const part of parts) {
        connection.send(part);
        await exchange(tracker().clientPort, httpGet('/scrape'));
      }
      connection.end();
      assert.equal(readAnnounceReply(await connection.reply(), 4).leechers, 1);
      await connection.untilEnded();
    }
  });

  test('a client that closes its half before the request is whole is closed', async () => {
    for (const part of ['', 'G', 'GET /announce?', 'GET /announce?x HTTP/1.1\r\nHost: x\r\n']) {
      await using connection = await open();
      connection.send(part);
      connection.end();
      await connection.untilEnded();
    }
  });

  test('a body nobody asked for does not harm the announce before it', async () => {
    const target = `/announce?${announceQuery(newInfoHash(), 1)}`;
    const reply = await exchange(
      tracker().clientPort,
      `GET ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody`,
    );
    assert.equal(failureReason(reply), undefined);
  });

  test('clients that are gone before their answer cost nothing and count as peers', async () => {
    const { clientPort, pid } = tracker();
    const before = openDescriptors(pid);
    const infoHash = newInfoHash();
    const clients = 300;
    for (let port = 1; port <= clients; port++) {
      const connection = await open();
      connection.send(httpGet(`/announce?${announceQuery(infoHash, port)}`));
      if (port % 2 === 0) connection.reset();
      else await connection[Symbol.asyncDispose]();
    }
    const api = new TrackerApi(tracker());
    // A reset may overtake its request, an orderly close does not.
    await waitFor('the peers', async () => ((await api.content(infoHash))?.leechers ?? 0) >= clients / 2);
    await waitFor('their descriptors to be closed', () => openDescriptors(pid) <= before);
    assert.ok((await httpAnnounce(clientPort, announceQuery(infoHash, 1))).leechers >= clients / 2);
  });

  test('over a thousand connections may be open, and all be closed at once', async () => {
    const { clientPort, pid } = tracker();
    const before = openDescriptors(pid);
    const connections = await Promise.all(Array.from({ length: MANY_CONNECTIONS }, open));
    // A third says nothing, a third something, a third asks and stays.
    for (const [i, connection] of connections.entries()) {
      if (i % 3 === 1) connection.send('GET /announce?info_hash=');
      if (i % 3 === 2) connection.send(get('/api/v1/cluster'));
    }
    await Promise.all(connections.filter((_, i) => i % 3 === 2).map((connection) => connection.reply()));
    assert.equal((await httpAnnounce(clientPort, announceQuery(newInfoHash(), 1))).leechers, 1);
    await Promise.all(
      connections.map((connection, i) => (i % 2 === 0 ? connection.reset() : connection[Symbol.asyncDispose]())),
    );
    await waitFor('their descriptors to be closed', () => openDescriptors(pid) <= before);
    assert.equal((await httpAnnounce(clientPort, announceQuery(newInfoHash(), 1))).leechers, 1);
  });
});
