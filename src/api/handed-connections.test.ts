import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { acceptDescriptors } from '../../test/harness/accept-descriptors.ts';
import { MemoryTracker } from '../../test/harness/memory-tracker.ts';
import { waitFor } from '../../test/harness/wait-for.ts';
import { buildApp, type TIMEOUTS } from './app.ts';
import { type HandedConnections, handedConnections } from './handed-connections.ts';
import { ErrorSchema } from './schemas.ts';

const SHORT = { headersMs: 300, requestMs: 300, keepAliveMs: 300, silenceMs: 5_000, checkMs: 50 };
const linuxOnly = { skip: process.platform !== 'linux' && 'descriptors are handed over on Linux only' };

interface Stage {
  readonly tracker: MemoryTracker;
  readonly connections: HandedConnections;
  readonly port: number;
  readonly errors: unknown[];
}

/** An app that does not listen, and a listener that hands it descriptors. */
async function stage(
  t: TestContext,
  options: { minimumHead?: number; host?: string; maxConnections?: number; timeouts?: Partial<typeof TIMEOUTS> } = {},
): Promise<Stage> {
  const tracker = new MemoryTracker();
  tracker.answer = ({ query }) => ({ status: 200, body: Buffer.from(`<${query}>`) });
  const errors: unknown[] = [];
  const app = await buildApp(tracker, {
    logger: pino({ level: 'silent' }),
    ...(options.timeouts && { timeouts: options.timeouts }),
  });
  const { maxConnections } = options;
  const connections = handedConnections(app.server, {
    onError: (error) => errors.push(error),
    ...(maxConnections !== undefined && { maxConnections }),
  });
  const listener = await acceptDescriptors((connection) => connections.accept(connection), options);
  t.after(async () => {
    await Promise.all([listener[Symbol.asyncDispose](), connections.close(), app.close()]);
  });
  return { tracker, connections, port: listener.port, errors };
}

/** A client that keeps what it received. */
async function connect(
  t: TestContext,
  port: number,
  host = '127.0.0.1',
): Promise<{ socket: Socket; got: () => string }> {
  const socket = createConnection({ port, host, allowHalfOpen: true });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return { socket, got: () => Buffer.concat(chunks).toString('latin1') };
}

const get = (query: string, headers = '') => `GET /announce?${query} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;
const bodies = (received: string) => [...received.matchAll(/<([^>]*)>/g)].map(([, query]) => query);
const ended = (socket: Socket) => (socket.readableEnded ? undefined : once(socket, 'end'));

test('a request that was read before the connection was handed over is answered', linuxOnly, async (t) => {
  const { tracker, port } = await stage(t);
  const { socket, got } = await connect(t, port);
  socket.write(get('one', 'Connection: close\r\n'));
  await ended(socket);
  assert.match(got(), /^HTTP\/1\.1 200 OK\r\n/);
  assert.deepEqual(bodies(got()), ['one']);
  assert.deepEqual(tracker.asked, [{ path: '/announce', query: 'one', remoteAddress: '127.0.0.1' }]);
});

test('a connection over IPv6 is served under its address', linuxOnly, async (t) => {
  const { tracker, port } = await stage(t, { host: '::1' });
  const { socket } = await connect(t, port, '::1');
  socket.write(get('six', 'Connection: close\r\n'));
  await ended(socket);
  assert.equal(tracker.asked[0].remoteAddress, '::1');
});

test('a request is put together wherever the hand-over cut it', linuxOnly, async (t) => {
  const request = get('cut', 'X-Filler: abc\r\nConnection: close\r\n');
  for (let cut = 0; cut <= request.length; cut++) {
    const { port } = await stage(t, { minimumHead: cut });
    const { socket, got } = await connect(t, port);
    socket.setNoDelay(true);
    socket.write(request.slice(0, cut));
    // The rest races with the hand-over: it may come before, during or after.
    if (cut % 2 === 0) await new Promise(setImmediate);
    socket.write(request.slice(cut));
    await ended(socket);
    assert.deepEqual(bodies(got()), ['cut'], `cut at ${cut}`);
  }
});

test('a request that arrives byte by byte is answered', linuxOnly, async (t) => {
  const { port } = await stage(t);
  const { socket, got } = await connect(t, port);
  socket.setNoDelay(true);
  for (const byte of get('slow', 'Connection: close\r\n')) {
    socket.write(byte);
    await new Promise(setImmediate);
  }
  await ended(socket);
  assert.deepEqual(bodies(got()), ['slow']);
});

test('a connection is kept for more requests', linuxOnly, async (t) => {
  const { port, connections } = await stage(t);
  const { socket, got } = await connect(t, port);
  for (let n = 0; n < 5; n++) {
    socket.write(get(String(n)));
    await waitFor(`answer ${n}`, () => bodies(got()).length === n + 1);
  }
  assert.equal(connections.size, 1);
});

test('pipelined requests are answered in order, those in the head and those behind it', linuxOnly, async (t) => {
  const { port, tracker } = await stage(t);
  // The first takes longest: order must come from the server, not from chance.
  tracker.answer = async ({ query }) => {
    for (let turn = Number(query); turn < 20; turn++) await new Promise(setImmediate);
    return { status: 200, body: Buffer.from(`<${query}>`) };
  };
  const { socket, got } = await connect(t, port);
  const expected = Array.from({ length: 40 }, (_, n) => String(n));
  const all = expected.map((query) => get(query)).join('');
  socket.write(all.slice(0, 1_000));
  await new Promise(setImmediate);
  socket.write(all.slice(1_000));
  await waitFor('all answers', () => bodies(got()).length === expected.length);
  assert.deepEqual(bodies(got()), expected);
});

test('pipelined answers all arrive, however late the client reads them', linuxOnly, async (t) => {
  const { port, tracker } = await stage(t);
  const filler = 'x'.repeat(256 * 1024);
  tracker.answer = ({ query }) => ({ status: 200, body: Buffer.from(`<${query}>${filler}`) });
  const { socket, got } = await connect(t, port);
  socket.pause();
  const expected = Array.from({ length: 200 }, (_, n) => String(n));
  socket.write(expected.map((query) => get(query)).join(''));
  await waitFor('the first requests', () => tracker.asked.length > 0);
  socket.resume();
  await waitFor('all answers', () => bodies(got()).length === expected.length);
  assert.deepEqual(bodies(got()), expected);
});

test('a body that is split between head and connection is read whole', linuxOnly, async (t) => {
  const body = JSON.stringify({ sha1s: Array.from({ length: 500 }, (_, i) => i.toString(16).padStart(40, '0')) });
  const request = `POST /api/v1/admission/allow HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
  const { port, tracker } = await stage(t);
  const { socket, got } = await connect(t, port);
  socket.write(request.slice(0, 700));
  await new Promise(setImmediate);
  socket.write(request.slice(700));
  await ended(socket);
  assert.match(got(), /^HTTP\/1\.1 204 /);
  assert.equal((await tracker.admission({ list: 'allow', limit: 1_000 })).sha1s.length, 500);
});

test('a client that closes its half after the request still gets the answer', linuxOnly, async (t) => {
  const { port, tracker } = await stage(t);
  tracker.answer = async ({ query }) => {
    // The end of the client's half arrives meanwhile.
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    return { status: 200, body: Buffer.from(`<${query}>`) };
  };
  const { socket, got } = await connect(t, port);
  socket.end(get('half'));
  await ended(socket);
  assert.deepEqual(bodies(got()), ['half']);
});

test('unreadable, oversized and stalled requests are answered as such and closed', linuxOnly, async (t) => {
  const { port, connections } = await stage(t, { timeouts: SHORT });
  const huge = 'y'.repeat(20_000);
  const cases: [why: string, bytes: string, status: number][] = [
    ['not HTTP', 'EHLO tracker\r\n\r\n', 400],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['a huge header', `GET / HTTP/1.1\r\nHost: a\r\nX-Huge: ${huge}\r\n\r\n`, 431],
    ['a huge URL', `GET /${huge} HTTP/1.1\r\nHost: a\r\n\r\n`, 431],
    ['a header line without end', `GET / HTTP/1.1\r\nHost: a\r\nX-Huge: ${huge}`, 431],
    ['half a request', 'GET /announce?half HTTP/1.1\r\nHo', 408],
    [
      'half a body',
      'PUT /api/v1/admission/mode HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
      408,
    ],
  ];
  for (const [why, bytes, status] of cases) {
    const { socket, got } = await connect(t, port);
    socket.write(bytes, 'latin1');
    await ended(socket);
    const [head, body] = got().split('\r\n\r\n');
    assert.ok(head.startsWith(`HTTP/1.1 ${status} `), `${why}: ${head}`);
    ErrorSchema.parse(JSON.parse(body));
  }
  await waitFor('the connections to be gone', () => connections.size === 0);
});

test('a client that says nothing, and one that says nothing more, are let go', linuxOnly, async (t) => {
  const { port, connections } = await stage(t, { minimumHead: 0, timeouts: SHORT });
  const silent = await connect(t, port);
  const once = await connect(t, port);
  once.socket.write(get('once'));
  await Promise.all([ended(silent.socket), ended(once.socket)]);
  assert.deepEqual(bodies(once.got()), ['once']);
  await waitFor('the connections to be gone', () => connections.size === 0);
});

test('beyond the bound connections are closed at once, and served again when there is room', linuxOnly, async (t) => {
  const { port, connections } = await stage(t, { maxConnections: 2 });
  const first = await connect(t, port);
  const second = await connect(t, port);
  for (const { socket, got } of [first, second]) {
    socket.write(get('in'));
    await waitFor('an answer', () => bodies(got()).length === 1);
  }
  const third = await connect(t, port);
  third.socket.write(get('out'));
  await waitFor('the third to be closed', () => third.socket.closed || third.socket.readableEnded);
  assert.equal(third.got(), '');
  first.socket.destroy();
  await waitFor('room', () => connections.size === 1);
  const fourth = await connect(t, port);
  fourth.socket.write(get('in again'.replaceAll(' ', '+')));
  await waitFor('an answer', () => bodies(fourth.got()).length === 1);
});

test('no descriptor is leaked, however connections end', linuxOnly, async (t) => {
  const { port, connections } = await stage(t);
  const descriptors = () => readdirSync('/proc/self/fd').length;
  const round = async () => {
    await Promise.all(
      Array.from({ length: 60 }, async (_, n) => {
        const { socket } = await connect(t, port);
        if (n % 3 === 0) socket.write(get('x', 'Connection: close\r\n'));
        else if (n % 3 === 1) socket.write('garbage\r\n\r\n');
        else {
          // Reset in the middle of a request.
          socket.write('GET /announce?');
          await waitFor('the hand-over', () => connections.size > 0);
          socket.resetAndDestroy();
          return;
        }
        await ended(socket);
        socket.destroy();
      }),
    );
    await waitFor('the connections to be gone', () => connections.size === 0);
  };
  await round();
  const before = descriptors();
  for (let n = 0; n < 5; n++) await round();
  await waitFor(`at most ${before} descriptors`, () => descriptors() <= before);
});

test('a descriptor that is no connection is closed and reported', linuxOnly, async (t) => {
  const { connections, errors } = await stage(t);
  const fd = openSync('/dev/null', 'r');
  connections.accept({ fd, head: new Uint8Array() });
  assert.equal(errors.length, 1);
  assert.throws(() => closeSync(fd), { code: 'EBADF' });
  assert.equal(connections.size, 0);
});

test(
  'closing ends idle connections, lets an answer under way finish, and serves nobody after',
  linuxOnly,
  async (t) => {
    const { port, connections, tracker } = await stage(t);
    const idle = await connect(t, port);
    idle.socket.write(get('idle'));
    await waitFor('an answer', () => bodies(idle.got()).length === 1);
    let finish!: () => void;
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    tracker.answer = async ({ query }) => {
      await finished;
      return { status: 200, body: Buffer.from(`<${query}>`) };
    };
    const busy = await connect(t, port);
    busy.socket.write(get('busy'));
    await waitFor('the request', () => tracker.asked.length === 2);
    const closed = connections.close();
    await ended(idle.socket);
    const late = await connect(t, port);
    late.socket.write(get('late'));
    finish();
    await closed;
    await waitFor('the answer', () => bodies(busy.got()).length === 1);
    await waitFor('the late one to be closed', () => late.socket.closed || late.socket.readableEnded);
    assert.equal(late.got(), '');
  },
);
