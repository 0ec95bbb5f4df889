import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { pino } from 'pino';
import { MEMBER_ID, MemoryTracker, otherMember } from '../../test/harness/memory-tracker.ts';
import { temporaryFolder } from '../../test/harness/start-swarmkeeper.ts';
import { LogFailedError, NotMasterError, RemovalError, UncertainError } from '../cluster/replicated-log.ts';
import { type AppOptions, buildApp } from './app.ts';
import {
  AdmissionSchema,
  ClusterSchema,
  ContentDetailSchema,
  ContentsSchema,
  ErrorSchema,
  MAX_ADMISSION_CHANGE,
  SettingsSchema,
} from './schemas.ts';

const logger = pino({ level: 'silent' });
const sha1Of = (n: number) => n.toString(16).padStart(40, '0');

async function appOf(tracker: MemoryTracker, options: Omit<AppOptions, 'logger'> = {}) {
  const app = await buildApp(tracker, { logger, ...options });
  return Object.assign(app, { [Symbol.asyncDispose]: () => app.close() });
}

test('the cluster status carries log indexes as numbers', async () => {
  const tracker = new MemoryTracker();
  tracker.add(sha1Of(1));
  await using app = await appOf(tracker);
  const reply = await app.inject('/api/v1/cluster');
  assert.equal(reply.statusCode, 200);
  const cluster = ClusterSchema.parse(reply.json());
  assert.equal(cluster.commitIndex, 1);
  assert.equal(cluster.master, cluster.self);
  assert.deepEqual(
    cluster.members.map(({ name, role, clientPort }) => ({ name, role, clientPort })),
    [{ name: 'one', role: 'master', clientPort: 6969 }],
  );
});

test('a log index that JSON cannot carry is an error, not a wrong number', async () => {
  const tracker = new MemoryTracker();
  const status = tracker.status();
  tracker.status = () => ({ ...status, commitIndex: 2n ** 53n });
  await using app = await appOf(tracker);
  const reply = await app.inject('/api/v1/cluster');
  assert.equal(reply.statusCode, 500);
  assert.equal(ErrorSchema.parse(reply.json()).error.code, 'INTERNAL');
});

test('following next visits every content once, in order, whatever the page size', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: 0, max: 2 ** 31 }), { maxLength: 40 }),
      fc.integer({ min: 1, max: 50 }),
      async (numbers, limit) => {
        const tracker = new MemoryTracker();
        for (const n of numbers) tracker.add(sha1Of(n), { name: `content ${n}`, size: n });
        await using app = await appOf(tracker);
        const seen: string[] = [];
        let next: string | null = null;
        do {
          const query: Record<string, string> = { limit: String(limit), ...(next !== null && { after: next }) };
          const page = ContentsSchema.parse((await app.inject({ url: '/api/v1/contents', query })).json());
          assert.ok(page.contents.length <= limit);
          seen.push(...page.contents.map(({ sha1 }) => sha1));
          next = page.next;
        } while (next !== null);
        assert.deepEqual(seen, numbers.map(sha1Of).sort());
      },
    ),
    { numRuns: 20 },
  );
});

test('a content comes with its counts and the first thousand peers, then the next', async () => {
  const tracker = new MemoryTracker();
  const peers = Array.from({ length: 1_500 }, (_, i) => ({
    host: i % 2 === 0 ? '192.0.2.1' : '2001:db8::1',
    port: i + 1,
    left: i % 3,
    lastSeen: 1_000 + i,
  }));
  tracker.add('ab'.repeat(20), { name: 'a film', size: 5, completed: 7, peers });
  await using app = await appOf(tracker);
  // Capitals in the address are as good as small letters.
  const url = `/api/v1/contents/${'AB'.repeat(20)}`;
  const first = ContentDetailSchema.parse((await app.inject(url)).json());
  assert.deepEqual(
    { ...first, peers: undefined, next: undefined },
    {
      sha1: 'ab'.repeat(20),
      name: 'a film',
      size: 5,
      seeders: 500,
      leechers: 1_000,
      completed: 7,
      appliedIndex: 1,
      peers: undefined,
      next: undefined,
    },
  );
  assert.equal(first.peers.length, 1_000);
  assert.ok(first.next !== null);
  const second = ContentDetailSchema.parse((await app.inject({ url, query: { after: first.next } })).json());
  assert.equal(second.next, null);
  assert.deepEqual([...first.peers, ...second.peers], peers);
});

test('a bad request is refused with what was wrong', async () => {
  await using app = await appOf(new MemoryTracker());
  const cases: [url: string, status: number, message: RegExp][] = [
    [`/api/v1/contents/${sha1Of(9)}`, 404, /no peer ever announced 0{39}9/],
    ['/api/v1/contents/xyz', 400, /params: sha1 must be the 40 hexadecimal digits of a sha1/],
    [`/api/v1/contents/${'0'.repeat(41)}`, 400, /sha1 must be the 40/],
    [`/api/v1/contents/${'0'.repeat(2_000)}`, 414, /length|long/i],
    [`/api/v1/contents/${sha1Of(9)}?limit=1001`, 400, /limit must be a whole number from 1 to 1000/],
    ['/api/v1/contents?limit=0', 400, /query: limit must be a whole number from 1 to 1000/],
    ['/api/v1/contents?limit=', 400, /limit must be a whole number/],
    ['/api/v1/contents?limit=1.5', 400, /limit must be a whole number/],
    ['/api/v1/contents?limit=ten', 400, /limit must be a whole number/],
    ['/api/v1/contents?limit=1&limit=2', 400, /limit must be a whole number/],
    ['/api/v1/contents?after=1', 400, /after must be the 40/],
    ['/api/v1/contents/%zz', 400, /%zz/],
    ['/api/v1/admission', 400, /list must be allow or deny/],
    ['/api/v1/nothing?x', 404, /there is no GET \/api\/v1\/nothing;/],
  ];
  for (const [url, status, message] of cases) {
    const reply = await app.inject(url);
    assert.equal(reply.statusCode, status, url);
    assert.match(reply.headers['content-type'] as string, /^application\/json/);
    assert.match(ErrorSchema.parse(reply.json()).error.message, message);
  }
});

test('an admission list is changed, shown in pages, and its mode set', async () => {
  const tracker = new MemoryTracker();
  await using app = await appOf(tracker);
  const change = async (method: 'POST' | 'DELETE', sha1s: string[]) => {
    const reply = await app.inject({ method, url: '/api/v1/admission/deny', payload: { sha1s } });
    assert.equal(reply.statusCode, 204, reply.body);
    assert.equal(reply.body, '');
  };
  await change('POST', [sha1Of(1), sha1Of(2), 'AB'.repeat(20)]);
  await change('DELETE', [sha1Of(2)]);
  const mode = await app.inject({ method: 'PUT', url: '/api/v1/admission/mode', payload: { mode: 'deny' } });
  assert.equal(mode.statusCode, 204);

  const page = AdmissionSchema.parse((await app.inject('/api/v1/admission?list=deny&limit=1')).json());
  assert.deepEqual(page, { mode: 'deny', sha1s: [sha1Of(1)], next: sha1Of(1) });
  const rest = AdmissionSchema.parse((await app.inject(`/api/v1/admission?list=deny&after=${page.next}`)).json());
  assert.deepEqual(rest, { mode: 'deny', sha1s: ['ab'.repeat(20)], next: null });
  const allowed = AdmissionSchema.parse((await app.inject('/api/v1/admission?list=allow')).json());
  assert.deepEqual(allowed.sha1s, []);
});

test('a change of an admission list is checked and bounded', async () => {
  const tracker = new MemoryTracker();
  await using app = await appOf(tracker);
  const tooMany = Array.from({ length: MAX_ADMISSION_CHANGE + 1 }, (_, i) => sha1Of(i));
  const cases: [payload: unknown, status: number, message: RegExp][] = [
    [{ sha1s: [] }, 400, /body: sha1s must name at least one/],
    [{ sha1s: tooMany }, 400, /at most 1000 sha1s; split/],
    [{ sha1s: ['x'] }, 400, /sha1s\.0 must be the 40/],
    [{ sha1s: [sha1Of(1)], list: 'deny' }, 400, /list/],
    [{}, 400, /sha1s must be a list/],
    [{ sha1s: ['0'.repeat(70_000)] }, 413, /large/],
  ];
  for (const [payload, status, message] of cases) {
    const reply = await app.inject({ method: 'POST', url: '/api/v1/admission/allow', payload: payload as object });
    assert.equal(reply.statusCode, status, reply.body);
    assert.match(ErrorSchema.parse(reply.json()).error.message, message);
  }
  const full = await app.inject({
    method: 'POST',
    url: '/api/v1/admission/allow',
    payload: { sha1s: tooMany.slice(1) },
  });
  assert.equal(full.statusCode, 204, 'as many as are allowed fit into a body');
  const malformed = await app.inject({
    method: 'POST',
    url: '/api/v1/admission/allow',
    headers: { 'content-type': 'application/json' },
    payload: '{"sha1s":',
  });
  assert.equal(malformed.statusCode, 400);
});

test('a change that the log does not take is answered with 503 and why', async () => {
  const tracker = new MemoryTracker();
  await using app = await appOf(tracker);
  const reasons = [
    [new NotMasterError(undefined), 'NOT_MASTER'],
    [new UncertainError('the master went away'), 'UNCERTAIN'],
    [new LogFailedError('the disk is full'), 'LOG_FAILED'],
  ] as const;
  for (const [reason, code] of reasons) {
    tracker.failChangesWith = reason;
    const reply = await app.inject({ method: 'PUT', url: '/api/v1/admission/mode', payload: { mode: 'open' } });
    assert.equal(reply.statusCode, 503);
    assert.deepEqual(ErrorSchema.parse(reply.json()).error, { code, message: reason.message });
  }
});

test('only loopback, or who has the admin token, may change anything', async () => {
  const tracker = new MemoryTracker({ clientHosts: ['192.0.2.7', '2001:db8::7'] });
  await using app = await appOf(tracker, { adminToken: 'correct-horse-battery' });
  await using tokenless = await appOf(tracker);
  const token = { authorization: 'Bearer correct-horse-battery' };
  const cases: [why: string, from: string, headers: Record<string, string>, status: number][] = [
    ['loopback', '127.0.0.1', { host: '127.0.0.1:6969' }, 204],
    ['loopback by name', '127.0.0.1', { host: 'localhost:6969' }, 204],
    ['IPv6 loopback', '::1', { host: '[::1]:6969' }, 204],
    ['mapped loopback', '::ffff:127.0.0.1', { host: '127.0.0.1:6969' }, 204],
    ['its own address', '127.0.0.1', { host: '192.0.2.7:6969' }, 204],
    ['its own IPv6 address', '127.0.0.1', { host: '[2001:DB8::7]:6969' }, 204],
    ['its own page', '127.0.0.1', { host: 'localhost:6969', origin: 'http://localhost:6969' }, 204],
    ['another machine', '192.0.2.1', { host: '192.0.2.7:6969' }, 401],
    ['another machine that claims to be local', '192.0.2.1', { host: '127.0.0.1:6969' }, 401],
    ['a proxy here', '127.0.0.1', { host: '127.0.0.1:6969', 'x-forwarded-for': '192.0.2.1' }, 401],
    ['a rebound name', '127.0.0.1', { host: 'evil.example:6969' }, 403],
    ['a name that looks local', '127.0.0.1', { host: '127.0.0.1.evil.example' }, 403],
    ['another site', '127.0.0.1', { host: '127.0.0.1:6969', origin: 'http://evil.example' }, 403],
    ['another local server', '127.0.0.1', { host: '127.0.0.1:6969', origin: 'http://127.0.0.1:3000' }, 403],
    ['a sandboxed page', '127.0.0.1', { host: '127.0.0.1:6969', origin: 'null' }, 403],
    ['the token', '192.0.2.1', { host: 'tracker.example', ...token }, 204],
    ['a wrong token', '127.0.0.1', { host: '127.0.0.1:6969', authorization: 'Bearer correct-horse' }, 401],
    ['no token at all', '127.0.0.1', { host: '127.0.0.1:6969', authorization: 'Basic Og==' }, 401],
  ];
  for (const [why, remoteAddress, headers, status] of cases) {
    for (const [method, url, payload] of [
      ['PUT', '/api/v1/admission/mode', { mode: 'open' }],
      ['POST', '/api/v1/admission/allow', { sha1s: [sha1Of(1)] }],
      ['DELETE', '/api/v1/admission/allow', { sha1s: [sha1Of(1)] }],
    ] as const) {
      const reply = await app.inject({ method, url, remoteAddress, headers, payload });
      assert.equal(reply.statusCode, status, `${why}: ${reply.body}`);
    }
  }
  const guessed = await tokenless.inject({
    method: 'PUT',
    url: '/api/v1/admission/mode',
    remoteAddress: '192.0.2.1',
    headers: { ...token },
    payload: { mode: 'open' },
  });
  assert.equal(guessed.statusCode, 401, 'an instance without a token takes none');
});

test('whoever may change something may let the master hand over, and is told what became of it', async () => {
  const tracker = new MemoryTracker({ clientHosts: ['192.0.2.7'] });
  await using app = await appOf(tracker, { adminToken: 'correct-horse-battery' });
  const ask = (remoteAddress: string, headers: Record<string, string> = {}) =>
    app.inject({ method: 'POST', url: '/api/v1/cluster/step-down', remoteAddress, headers });

  const done = await ask('127.0.0.1');
  assert.equal(done.statusCode, 200);
  assert.equal(ClusterSchema.parse(done.json()).cluster, 'test');
  assert.equal((await ask('192.0.2.1', { authorization: 'Bearer correct-horse-battery' })).statusCode, 200);
  assert.equal((await ask('192.0.2.1')).statusCode, 401);
  assert.equal((await ask('127.0.0.1', { origin: 'http://evil.example' })).statusCode, 403);
  assert.equal(tracker.stepDowns, 2);

  const nobody = Object.assign(new Error('no other instance can take it'), { code: 'HANDOVER_FAILED' });
  for (const [reason, status] of [
    [nobody, 409],
    [new NotMasterError(undefined), 503],
  ] as const) {
    tracker.failChangesWith = reason;
    const reply = await ask('127.0.0.1');
    assert.equal(reply.statusCode, status);
    const { code, message } = reason;
    assert.deepEqual(ErrorSchema.parse(reply.json()).error, { code, message });
  }
});

test('a body that a page may send without asking is refused', async () => {
  await using app = await appOf(new MemoryTracker());
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
    const reply = await app.inject({
      method: 'PUT',
      url: '/api/v1/admission/mode',
      headers: { 'content-type': type },
      payload: '{"mode":"open"}',
    });
    assert.equal(reply.statusCode, 415, type);
    assert.equal(ErrorSchema.parse(reply.json()).error.code, 'UNSUPPORTED_MEDIA_TYPE');
  }
});

test('the query of an announce reaches the tracker as it came, and the bytes of its reply the client', async () => {
  const tracker = new MemoryTracker();
  const body = Buffer.from([0x64, 0x00, 0xff, 0x65]);
  tracker.answer = ({ path }) => ({ status: path === '/announce' ? 200 : 503, body });
  await using app = await appOf(tracker);
  const query = 'info_hash=%FF%00%zz+a&info_hash=%41&numwant=-1&&=?x=y';
  const announce = await app.inject({ url: `/announce?${query}`, remoteAddress: '::ffff:192.0.2.9' });
  assert.equal(announce.statusCode, 200);
  assert.equal(announce.headers['content-type'], 'text/plain');
  assert.deepEqual(announce.rawPayload, body);
  const scrape = await app.inject({ url: '/scrape', remoteAddress: '2001:db8::9' });
  assert.equal(scrape.statusCode, 503);
  assert.deepEqual(tracker.asked, [
    { path: '/announce', query, remoteAddress: '192.0.2.9' },
    { path: '/scrape', query: '', remoteAddress: '2001:db8::9' },
  ]);
});

test('the metrics carry every counter and gauge, with their present values at each scrape', async () => {
  const tracker = new MemoryTracker();
  tracker.add(sha1Of(1), { peers: [{ host: '192.0.2.1', port: 1, left: 0, lastSeen: 0 }] });
  await using app = await appOf(tracker);
  for (const value of [5, 8]) {
    tracker.counters.udpBadConnectionId = value;
    const reply = await app.inject('/metrics');
    assert.match(reply.headers['content-type'] as string, /^text\/plain; version=0\.0\.4/);
    const lines = reply.body.split('\n');
    assert.ok(lines.includes(`swarmkeeper_udp_bad_connection_id_total ${value}`));
    assert.ok(lines.includes('# TYPE swarmkeeper_udp_bad_connection_id_total counter'));
    assert.ok(lines.includes('swarmkeeper_peers 1'));
    assert.ok(lines.includes('swarmkeeper_seeders 1'));
    assert.ok(lines.includes('swarmkeeper_cluster_time_seconds 1.5'));
    const names = lines.filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ')[2]);
    assert.equal(names.length, Object.keys(tracker.counters).length + 15);
    for (const name of names) assert.match(name, /^swarmkeeper_[a-z_]+$/);
  }
});

test('the OpenAPI document describes every route of the API', async () => {
  await using app = await appOf(new MemoryTracker());
  const document = (await app.inject('/api/v1/openapi.json')).json();
  assert.match(document.openapi, /^3\.1\./);
  const operations = Object.entries(document.paths as Record<string, object>).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  assert.deepEqual(operations.filter((operation) => !operation.startsWith('HEAD')).sort(), [
    'DELETE /api/v1/admission/{list}',
    'DELETE /api/v1/cluster/members/{id}',
    'GET /api/v1/admission',
    'GET /api/v1/cluster',
    'GET /api/v1/contents',
    'GET /api/v1/contents/{sha1}',
    'GET /api/v1/events',
    'GET /api/v1/settings',
    'POST /api/v1/admission/{list}',
    'POST /api/v1/cluster/step-down',
    'PUT /api/v1/admission/mode',
  ]);
  const limit = document.paths['/api/v1/contents'].get.parameters.find(
    ({ name }: { name: string }) => name === 'limit',
  );
  assert.deepEqual(limit.schema, { default: 100, type: 'integer', minimum: 1, maximum: 1_000 });
  assert.equal(limit.required, false);
  const refs = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);
  assert.ok(refs.length > 10);
  assert.deepEqual(new Set(refs), new Set(Object.keys(document.components.schemas)));
  assert.deepEqual(document.components.schemas.Content.required, [
    'sha1',
    'name',
    'size',
    'seeders',
    'leechers',
    'completed',
  ]);
});

test('the metrics tell the cluster as this instance sees it, each member by its id', async () => {
  const tracker = new MemoryTracker();
  tracker.memberMessagesRefused = 3;
  tracker.others = [otherMember({ id: 'two', name: 'a "quoted" one', alive: false, lag: 7n })];
  await using app = await appOf(tracker);
  const metrics = async () => (await app.inject('/metrics')).body.split('\n');
  const lines = await metrics();
  for (const line of [
    'swarmkeeper_member_messages_refused_total 3',
    'swarmkeeper_term 1',
    'swarmkeeper_has_master 1',
    'swarmkeeper_members 2',
    'swarmkeeper_members_alive 1',
    'swarmkeeper_role{role="master"} 1',
    'swarmkeeper_role{role="slave"} 0',
    `swarmkeeper_member_alive{id="${MEMBER_ID}",name="one"} 1`,
    'swarmkeeper_member_alive{id="two",name="a \\"quoted\\" one"} 0',
    'swarmkeeper_member_lag_entries{id="two",name="a \\"quoted\\" one"} 7',
  ]) {
    assert.ok(lines.includes(line), `${line} is not in:\n${lines.join('\n')}`);
  }
  tracker.others = [];
  assert.ok(!(await metrics()).some((line) => line.includes('id="two"')), 'who has left is no longer told');
});
test('a page of another member may read, and nobody else across origins; no page may write', async () => {
  const tracker = new MemoryTracker();
  tracker.others = [otherMember({ address: '127.0.0.1', clientPort: 6970 })];
  await using app = await appOf(tracker);
  const allowed = async (url: string, origin: string) =>
    (await app.inject({ url, headers: { origin } })).headers['access-control-allow-origin'];
  for (const url of ['/api/v1/cluster', '/api/v1/contents', '/api/v1/settings']) {
    assert.equal(await allowed(url, 'http://127.0.0.1:6970'), 'http://127.0.0.1:6970');
    for (const origin of ['http://127.0.0.1:6971', 'http://example.org', 'null', 'https://127.0.0.1:6970']) {
      assert.equal(await allowed(url, origin), undefined, `${url} ${origin}`);
    }
  }
  assert.equal(await allowed('/metrics', 'http://127.0.0.1:6970'), undefined);
  const headers = { origin: 'http://127.0.0.1:6970', host: '127.0.0.1:6969' };
  const asked = await app.inject({
    method: 'OPTIONS',
    url: '/api/v1/cluster/step-down',
    headers: { ...headers, 'access-control-request-method': 'POST' },
  });
  assert.equal(asked.headers['access-control-allow-origin'], undefined);
  const written = await app.inject({ method: 'POST', url: '/api/v1/cluster/step-down', headers });
  assert.equal(written.statusCode, 403);
  assert.equal(tracker.stepDowns, 0);
});

test('contents are searched and sorted, page by page, with how many there are', async () => {
  const tracker = new MemoryTracker();
  tracker.add(sha1Of(1), { name: 'Debian 13', size: 10 });
  tracker.add(sha1Of(2), { name: 'debian 12', size: 30 });
  tracker.add(sha1Of(3), { name: 'Fedora', size: 20 });
  await using app = await appOf(tracker);
  const page = async (query: string) => ContentsSchema.parse((await app.inject(`/api/v1/contents?${query}`)).json());
  const names = ({ contents }: { contents: { name: string | null }[] }) => contents.map(({ name }) => name);
  const plain = await page('limit=2');
  assert.deepEqual([names(plain), plain.total, plain.next], [['Debian 13', 'debian 12'], null, sha1Of(2)]);
  const found = await page('search=DEBIAN&sort=name');
  assert.deepEqual([names(found), found.total, found.next], [['debian 12', 'Debian 13'], 2, null]);
  const first = await page('sort=size&order=desc&limit=2');
  assert.deepEqual([names(first), first.total], [['debian 12', 'Fedora'], 3]);
  const second = await page(`sort=size&order=desc&limit=2&after=${encodeURIComponent(first.next!)}`);
  assert.deepEqual([names(second), second.next], [['Debian 13'], null]);
  for (const [query, message] of [
    ['sort=size&after=nonsense', /query: `after` must be the `next` of the page before/],
    ['sort=colour', /query: sort must be sha1, name, size, seeders, leechers or completed/],
    ['sort=name&order=up', /query: order must be asc or desc/],
    [`search=${'x'.repeat(256)}`, /query: search must be at most 255 characters/],
    [`after=${sha1Of(1)}.&limit=1`, /query: after must be the 40 hexadecimal digits/],
  ] as const) {
    const reply = await app.inject(`/api/v1/contents?${query}`);
    assert.equal(reply.statusCode, 400, query);
    assert.match(ErrorSchema.parse(reply.json()).error.message, message);
  }
});

test('the settings say how to start another instance, and whether who asks may change anything', async () => {
  await using app = await appOf(new MemoryTracker(), { adminToken: 'secret' });
  const settings = async (headers: Record<string, string>, remoteAddress = '127.0.0.1') =>
    SettingsSchema.parse((await app.inject({ url: '/api/v1/settings', headers, remoteAddress })).json());
  const host = '127.0.0.1:6969';
  const local = await settings({ host });
  assert.deepEqual(
    [local.cluster, local.name, local.group, local.memberGroup],
    ['test', 'one', '239.255.77.69:6969', '239.255.77.70:6970'],
  );
  assert.match(local.joinCommand, /^bin\/swarmkeeper tracker --cluster test --name test-2 --port 0 /);
  assert.match(local.version, /^\d+\.\d+\.\d+/);
  assert.deepEqual([local.mayWrite, local.tokenSet, local.replaceAfterSeconds], [true, true, 60]);
  assert.equal((await settings({ host }, '192.0.2.1')).mayWrite, false);
  assert.equal((await settings({ host, authorization: 'Bearer secret' }, '192.0.2.1')).mayWrite, true);
  assert.equal((await settings({ host, authorization: 'Bearer wrong' })).mayWrite, false);
});

test('the settings say where a peer has its pages, to this machine only', async () => {
  const peerPages = async (
    app: Awaited<ReturnType<typeof appOf>>,
    headers: Record<string, string> = {},
    remoteAddress = '127.0.0.1',
  ) => SettingsSchema.parse((await app.inject({ url: '/api/v1/settings', headers, remoteAddress })).json()).peerPages;
  await using without = await appOf(new MemoryTracker());
  assert.equal(await peerPages(without), null);
  const url = 'http://127.0.0.1:7070/';
  await using app = await appOf(new MemoryTracker(), { peerPages: url });
  assert.equal(await peerPages(app), url);
  assert.equal(await peerPages(app, {}, '::1'), url);
  assert.equal(await peerPages(app, {}, '192.0.2.1'), null);
  assert.equal(await peerPages(app, { 'x-forwarded-for': '192.0.2.1' }), null);
});

test('a member is removed by those who may, and stays with a reason', async () => {
  const tracker = new MemoryTracker();
  const gone = otherMember({ alive: false });
  tracker.others = [gone];
  await using app = await appOf(tracker);
  const remove = (id: string, remoteAddress = '127.0.0.1') =>
    app.inject({ method: 'DELETE', url: `/api/v1/cluster/members/${id}`, remoteAddress });
  assert.equal((await remove(gone.id, '192.0.2.1')).statusCode, 401);
  assert.equal((await remove('two')).statusCode, 400);
  for (const [code, status] of [
    ['MEMBER_ALIVE', 409],
    ['MEMBER_NEEDED', 409],
    ['NO_MEMBER', 404],
  ] as const) {
    tracker.failChangesWith = new RemovalError(code, gone.id);
    const reply = await remove(gone.id);
    assert.equal(reply.statusCode, status);
    assert.equal(ErrorSchema.parse(reply.json()).error.code, code === 'NO_MEMBER' ? 'NOT_FOUND' : code);
  }
  tracker.failChangesWith = undefined;
  const reply = await remove(gone.id);
  assert.equal(reply.statusCode, 200);
  assert.equal(ClusterSchema.parse(reply.json()).members.length, 1);
});

test('the pages are at every address that is not the API’s', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'index.html'), '<!doctype html><title>pages</title>');
  const tracker = new MemoryTracker();
  tracker.others = [otherMember({ address: '192.0.2.7', clientPort: 6970 })];
  await using app = await appOf(tracker, { pages: folder.path });
  for (const url of ['/', '/contents']) {
    const reply = await app.inject({ url, headers: { accept: 'text/html' } });
    assert.equal(reply.statusCode, 200);
    assert.match(reply.body, /<title>pages/);
    assert.match(
      String(reply.headers['content-security-policy']),
      /connect-src 'self' http:\/\/127\.0\.0\.1:6969 http:\/\/192\.0\.2\.7:6970;/,
    );
    assert.equal(reply.headers['x-content-type-options'], 'nosniff');
  }
  const nothing = await app.inject({ url: '/api/v1/nothing', headers: { accept: 'text/html' } });
  assert.equal(nothing.statusCode, 404);
  const posted = await app.inject({ method: 'POST', url: '/contents' });
  assert.equal(posted.statusCode, 404);
});
