import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { encode } from '../../bittorrent/bencode.ts';
import { MAX_TRACKER_REPLY_BYTES } from '../../bittorrent/http-tracker-client.ts';
import type { AnnounceFields } from './announcement.ts';
import { MAX_REDIRECTS } from './http-get.ts';
import { HttpTracker } from './http-tracker.ts';
import { TEST_CERTIFICATE, TEST_KEY } from './test-certificate.ts';

const NEVER = new AbortController().signal;
const FIELDS: AnnounceFields = {
  infoHash: new Uint8Array(20).fill(0xff),
  peerId: new Uint8Array(20).fill(0x41),
  port: 6881,
  uploaded: 1,
  downloaded: 2,
  left: 3,
  event: 'started',
};
const REPLY = encode({
  interval: 60,
  'min interval': 30,
  peers: Uint8Array.of(192, 0, 2, 1, 0, 80),
  peers6: Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 81),
  'tracker id': 'tid&1',
  'external ip': Uint8Array.of(198, 51, 100, 7),
});

test('an announce brings peers of both families, intervals and our address; the tracker ID is said again', async () => {
  await using server = await serve((_, response) => response.end(REPLY));
  const tracker = new HttpTracker(`${server.url}/announce?passkey=x`, undefined, {});
  const answer = await tracker.announce(FIELDS, NEVER);
  assert.deepEqual(answer.peers, [
    { host: '192.0.2.1', port: 80 },
    { host: '2001:db8::1', port: 81 },
  ]);
  assert.deepEqual([answer.intervalSeconds, answer.minIntervalSeconds, answer.externalHost], [60, 30, '198.51.100.7']);
  await tracker.announce(FIELDS, NEVER);
  const [first, second] = server.asked;
  assert.match(first, /^\/announce\?passkey=x&info_hash=(%FF){20}&peer_id=A{20}&port=6881&.*event=started/);
  assert.doesNotMatch(first, /trackerid/);
  assert.match(second, /trackerid=tid%261/);
});

test('packed replies are unpacked, up to the bound', async () => {
  await using server = await serve((request, response) => {
    response.setHeader('content-encoding', 'gzip');
    const bomb = Buffer.alloc(100 * MAX_TRACKER_REPLY_BYTES);
    response.end(gzipSync(request.url?.startsWith('/bomb') ? bomb : REPLY));
  });
  assert.equal(
    (await new HttpTracker(`${server.url}/announce`, undefined, {}).announce(FIELDS, NEVER)).peers.length,
    2,
  );
  await assert.rejects(new HttpTracker(`${server.url}/bomb`, undefined, {}).announce(FIELDS, NEVER), {
    code: 'MALFORMED_REPLY',
  });
});

test('a reply without end is cut off, and so is one that drips', async () => {
  await using server = await serve((request, response) => {
    const drips = request.url?.startsWith('/drip');
    const timer = setInterval(() => response.write(drips ? 'd' : Buffer.alloc(256 * 1024)), 5);
    response.on('close', () => clearInterval(timer));
  });
  const endless = new HttpTracker(`${server.url}/endless`, undefined, {}).announce(FIELDS, NEVER);
  await assert.rejects(endless, { code: 'MALFORMED_REPLY', message: /more than 1048576 bytes/ });
  const drip = new HttpTracker(`${server.url}/drip`, undefined, { timeoutMs: 300 }).announce(FIELDS, NEVER);
  await assert.rejects(drip, { code: 'NO_ANSWER', message: /within 0.3 seconds/ });
});

test('redirects are followed, not without end, and never from https to http', async () => {
  await using server = await serve((request, response) => {
    const url = request.url ?? '';
    if (url.startsWith('/final')) response.end(REPLY);
    else
      response.writeHead(302, { location: url.startsWith('/loop') ? url : url.replace('/announce', '/final') }).end();
  });
  const answer = await new HttpTracker(`${server.url}/announce`, undefined, {}).announce(FIELDS, NEVER);
  assert.equal(answer.peers.length, 2);
  assert.match(server.asked[1], /^\/final\?info_hash=(%FF){20}/);
  server.asked.length = 0;
  const looping = new HttpTracker(`${server.url}/loop`, undefined, {}).announce(FIELDS, NEVER);
  await assert.rejects(looping, { code: 'MALFORMED_REPLY', message: /redirects more than/ });
  assert.equal(server.asked.length, MAX_REDIRECTS + 1);

  await using secure = await serve((_, response) => {
    response.writeHead(301, { location: `${server.url}/final` }).end();
  }, true);
  const downgraded = new HttpTracker(`${secure.url}/announce`, undefined, { ca: TEST_CERTIFICATE }).announce(
    FIELDS,
    NEVER,
  );
  await assert.rejects(downgraded, { code: 'MALFORMED_REPLY', message: /from https to http/ });
});

test('over https the certificate must be trusted', async () => {
  await using server = await serve((_, response) => response.end(REPLY), true);
  for (const host of ['127.0.0.1', 'localhost']) {
    const url = server.url.replace('127.0.0.1', host);
    const answer = await new HttpTracker(`${url}/announce`, undefined, { ca: TEST_CERTIFICATE }).announce(
      FIELDS,
      NEVER,
    );
    assert.equal(answer.peers.length, 2);
  }
  const untrusted = new HttpTracker(`${server.url}/announce`, undefined, {}).announce(FIELDS, NEVER);
  await assert.rejects(untrusted, { code: 'UNREACHABLE', message: /SELF_SIGNED/ });
});

test('a refusal says when to ask again, whatever the HTTP status (BEP 31)', async () => {
  let reply: Parameters<typeof encode>[0] = {};
  await using server = await serve((_, response) => response.writeHead(503).end(encode(reply)));
  const tracker = new HttpTracker(`${server.url}/announce`, undefined, {});
  for (const [retry, retryAfterMs] of [
    [2, 120_000],
    ['never', Number.POSITIVE_INFINITY],
    [undefined, undefined],
  ] as const) {
    reply = { 'failure reason': 'busy', ...(retry === undefined ? {} : { 'retry in': retry }) };
    const refused = tracker.announce(FIELDS, NEVER);
    await assert.rejects(refused, { code: 'REFUSED', message: /busy/, retryAfterMs });
  }
});

test('what is no tracker, or is not there, is said so', async () => {
  await using server = await serve((_, response) => response.writeHead(404).end('<html>'));
  await assert.rejects(new HttpTracker(`${server.url}/x`, undefined, {}).announce(FIELDS, NEVER), {
    code: 'MALFORMED_REPLY',
    message: /HTTP status 404/,
  });
  const { url } = server;
  await server.close();
  await assert.rejects(new HttpTracker(`${url}/x`, undefined, {}).announce(FIELDS, NEVER), {
    code: 'UNREACHABLE',
    message: /ECONNREFUSED/,
  });
});

test('an announce that is called off ends at once', async () => {
  const calledOff = new AbortController();
  await using server = await serve(() => calledOff.abort());
  const asked = new HttpTracker(`${server.url}/announce`, undefined, {}).announce(FIELDS, calledOff.signal);
  await assert.rejects(asked, { code: 'STOPPED' });
});

interface TestServer extends AsyncDisposable {
  readonly url: string;
  /** Path and query of each request. */
  readonly asked: string[];
  close(): Promise<void>;
}

async function serve(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
  isSecure = false,
): Promise<TestServer> {
  const asked: string[] = [];
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    asked.push(request.url ?? '');
    handler(request, response);
  };
  const server = isSecure
    ? createSecureServer({ key: TEST_KEY, cert: TEST_CERTIFICATE }, listener)
    : createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    if (!server.listening) return;
    server.closeAllConnections();
    await once(server.close(), 'close');
  };
  const { port } = server.address() as AddressInfo;
  const url = `${isSecure ? 'https' : 'http'}://127.0.0.1:${port}`;
  return { url, asked, close, [Symbol.asyncDispose]: close };
}
