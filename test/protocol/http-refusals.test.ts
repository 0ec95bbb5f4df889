import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { test } from 'node:test';
import { onBothWays } from '../harness/both-ways.ts';
import { announceQuery, failureReason, httpAnnounce, httpGet, type QueryFields } from '../harness/http-tracker.ts';
import { exchange, RawConnection } from '../harness/raw-connection.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { newInfoHash } from '../harness/udp-client.ts';

/** Behind these sizes a request is cut off: the longest query that is read, and the longest head. */
const MAX_QUERY = 4_096;
const MAX_HEAD = 16 * 1_024;

onBothWays((tracker) => {
  const ask = (request: string | Uint8Array) => exchange(tracker().clientPort, request);
  const reasonFor = async (query: string) => {
    const reply = await ask(httpGet(`/announce?${query}`));
    assert.equal(reply.status, 200, 'clients read no further than a status of error');
    return failureReason(reply) ?? 'none';
  };

  test('what is missing or wrong in an announce is named in the failure reason', async () => {
    const cases: [fields: QueryFields, reason: RegExp][] = [
      [{ info_hash: undefined }, /^info_hash is missing$/],
      [{ info_hash: '' }, /^info_hash must be 20 bytes once unescaped, got 0$/],
      [{ info_hash: 'x'.repeat(19) }, /^info_hash must be 20 bytes once unescaped, got 19$/],
      [{ info_hash: 'x'.repeat(21) }, /^info_hash must be 20 bytes once unescaped, got more$/],
      [{ info_hash: 'x'.repeat(40) }, /^info_hash must be 20 bytes/],
      [{ info_hash: `${'x'.repeat(19)}%` }, /^info_hash has a bad percent-escape$/],
      [{ info_hash: `${'x'.repeat(19)}%4` }, /^info_hash has a bad percent-escape$/],
      [{ info_hash: `${'x'.repeat(19)}%zz` }, /^info_hash has a bad percent-escape$/],
      [{ info_hash: `${'x'.repeat(19)}%%41` }, /^info_hash has a bad percent-escape$/],
      [{ peer_id: undefined }, /^peer_id is missing$/],
      [{ peer_id: 'short' }, /^peer_id must be 20 bytes/],
      [{ port: undefined }, /^port is missing$/],
      [{ port: 0 }, /^port 0 cannot be reached: announce the port you listen on$/],
      [{ port: 65_536 }, /^port is above 65535$/],
      [{ port: '' }, /^port must be a whole number/],
      [{ port: '80x' }, /^port must be a whole number/],
      [{ port: '-1' }, /^port must be a whole number/],
      [{ port: '%38%30' }, /^port must be a whole number/],
      [{ left: '1.5' }, /^left must be a whole number/],
      [{ left: '9'.repeat(21) }, /^left must be a whole number/],
      [{ uploaded: 'x' }, /^uploaded must be a whole number/],
      [{ event: 'Started' }, /^event must be started, completed, stopped, paused or empty$/],
      [{ compact: 2 }, /^compact must be 0 or 1$/],
      [{ no_peer_id: 'yes' }, /^no_peer_id must be 0 or 1$/],
      [{ numwant: '-2' }, /^numwant must be a whole number/],
      [{ numwant: '1e3' }, /^numwant must be a whole number/],
      [{ key: '%f' }, /^key has a bad percent-escape$/],
      [{ key: 'x'.repeat(256) }, /^key has more than 255 bytes$/],
    ];
    const infoHash = newInfoHash();
    for (const [fields, reason] of cases) {
      const query = announceQuery(infoHash, 1, fields);
      assert.match(await reasonFor(query), reason, query);
    }
    assert.equal(await new TrackerApi(tracker()).content(infoHash), undefined, 'nothing of it was taken in');
  });

  test('a key that is given twice is refused, whatever it says', async () => {
    const query = announceQuery(newInfoHash(), 1);
    for (const key of ['info_hash', 'peer_id', 'port', 'left', 'uploaded', 'downloaded']) {
      const again = new RegExp(`${key}=[^&]*`).exec(query)![0];
      assert.equal(await reasonFor(`${query}&${again}`), `${key} is given more than once`);
    }
    assert.equal(await reasonFor(`${query}&event=started&event=stopped`), 'event is given more than once');
  });

  test('an announce without a query is refused with a reason', async () => {
    for (const target of ['/announce', '/announce?', '/announce?&', '/announce?x']) {
      assert.equal(failureReason(await ask(httpGet(target))), 'info_hash is missing', target);
    }
  });

  test('a query is read up to its longest length, and refused beyond', async () => {
    const query = announceQuery(newInfoHash(), 1);
    const padded = (length: number) => `${query}&pad=${'x'.repeat(length - query.length - 5)}`;
    assert.equal(await reasonFor(padded(MAX_QUERY)), 'none');
    for (const length of [MAX_QUERY + 1, 8_000, 8_192, 9_000, MAX_HEAD - 1_000]) {
      assert.equal(
        await reasonFor(padded(length)),
        `the query has ${length} characters; at most ${MAX_QUERY} are read`,
      );
    }
  });

  test('a head that is too long ends with 431, wherever the length is', async () => {
    const query = announceQuery(newInfoHash(), 1);
    const heads = [
      httpGet(`/announce?${query}&pad=${'x'.repeat(MAX_HEAD)}`),
      httpGet(`/announce?${query}&pad=${'x'.repeat(200_000)}`),
      httpGet(`/announce?${query}`).replace('User-Agent: test', `User-Agent: ${'x'.repeat(MAX_HEAD)}`),
      httpGet(`/announce?${query}`).replace('User-Agent: test', `X: ${'x'.repeat(1_000)}\r\n`.repeat(100).trimEnd()),
    ];
    for (const head of heads) {
      await using connection = await RawConnection.open(tracker().clientPort);
      connection.send(head);
      assert.equal((await connection.reply()).status, 431);
      await connection.untilEnded();
    }
  });

  test('a header or two of some thousand bytes are no reason to refuse', async () => {
    const cookie = `X-Cookie: ${'x'.repeat(5_000)}\r\n`;
    for (const cookies of [1, 2]) {
      const request = httpGet(`/announce?${announceQuery(newInfoHash(), 1)}`);
      const reply = await ask(request.replace('User-Agent', `${cookie.repeat(cookies)}User-Agent`));
      assert.equal(failureReason(reply), undefined);
    }
  });

  test('methods other than GET are refused, and announce nothing', async () => {
    const infoHash = newInfoHash();
    const target = `/announce?${announceQuery(infoHash, 1)}`;
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const { status } = await ask(
        `${method} ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      );
      assert.ok(status === 404 || status === 405, `${method}: ${status}`);
    }
    await using connection = await RawConnection.open(tracker().clientPort);
    connection.send(`HEAD ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    const [{ status }] = await connection.replies(1, { bodies: false });
    assert.ok(status === 404 || status === 405, `HEAD: ${status}`);
    assert.equal(await new TrackerApi(tracker()).content(infoHash), undefined);
  });

  test('a path that only begins like one of ours is another one', async () => {
    const query = announceQuery(newInfoHash(), 1);
    for (const path of ['/announcement', '/announce/', '/Announce', '//announce', '/x/announce', '/scrapes']) {
      assert.equal((await ask(httpGet(`${path}?${query}`))).status, 404, path);
    }
  });

  test('what is not HTTP is refused with 400 and the connection closed', async () => {
    const requests = [
      'HELO tracker\r\n\r\n',
      'GET\r\n\r\n',
      'GET /announce?x HTTP/9.9\r\nHost: x\r\n\r\n',
      'GET /announce?x y z HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET /announce HTTP/1.1\r\nHost: x\r\nno colon here\r\n\r\n',
      'GET /announce HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n',
      '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
      '\x13BitTorrent protocol\x00\x00\x00\x00\x00\x00\x00\x00',
      '\0'.repeat(100),
    ];
    for (const request of requests) {
      await using connection = await RawConnection.open(tracker().clientPort);
      connection.send(request);
      assert.equal((await connection.reply()).status, 400, JSON.stringify(request));
      await connection.untilEnded();
    }
  });

  test('hundreds of connections that send rubbish are closed, and announces go on', async () => {
    for (let i = 0; i < 300; i++) {
      await using connection = await RawConnection.open(tracker().clientPort);
      connection.send(randomBytes(1 + randomInt(3_000)));
      connection.end();
      await connection.untilEnded();
    }
    assert.equal((await httpAnnounce(tracker().clientPort, announceQuery(newInfoHash(), 1))).leechers, 1);
  });
});
