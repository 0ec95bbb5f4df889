import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { askApi } from './api-client.ts';

const schema = z.object({ answer: z.number() });

async function serve(t: TestContext, listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

test('an answer is checked against its schema', async (t) => {
  const address = await serve(t, (request, response) => response.end(`{"answer":42,"url":"${request.url}"}`));
  assert.deepEqual(await askApi(address, '/x?y', schema), { answer: 42 });
});

test("an error of the API is passed on with its code, in the tracker's words", async (t) => {
  const address = await serve(t, (_request, response) => {
    response.statusCode = 503;
    response.end('{"error":{"code":"NOT_MASTER","message":"there is no master now; try again"}}');
  });
  await assert.rejects(askApi(address, '/', schema), {
    code: 'NOT_MASTER',
    message: `the tracker at 127.0.0.1:${address.port} says: there is no master now; try again`,
  });
});

test('whatever else answers is no tracker', async (t) => {
  const answers = ['<html>', '{"answer":"42"}', '', '{"error":"of another kind"}'];
  for (const answer of answers) {
    const address = await serve(t, (_request, response) => response.end(answer));
    await assert.rejects(askApi(address, '/', schema), { code: 'NOT_A_TRACKER', message: /check --tracker/ });
  }
  const endless = await serve(t, (_request, response) => {
    const write = () => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
    };
    response.on('drain', write);
    response.on('error', () => {});
    write();
  });
  await assert.rejects(askApi(endless, '/', schema), { code: 'NOT_A_TRACKER' });
});

test('where nothing listens, or the connection breaks, the message says what to do', async (t) => {
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address() as AddressInfo;
  closed.close();
  await once(closed, 'close');
  await assert.rejects(askApi({ host: '127.0.0.1', port }, '/', schema), {
    code: 'UNREACHABLE',
    message: /nothing listens there; start one with `swarmkeeper tracker`/,
  });
  const breaking = await serve(t, (request) => request.socket.destroy());
  await assert.rejects(askApi(breaking, '/', schema), { code: 'UNREACHABLE' });
});
