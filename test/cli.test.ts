import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { buildApp } from '../src/api/app.ts';
import { ClusterSchema, ContentSchema, MAX_PAGE } from '../src/api/schemas.ts';
import { MemoryTracker } from './harness/memory-tracker.ts';
import {
  runSwarmkeeper,
  SWARMKEEPER,
  SwarmkeeperProcess,
  startSwarmkeeper,
  temporaryFolder,
} from './harness/start-swarmkeeper.ts';
import { newInfoHash, UdpClient } from './harness/udp-client.ts';

const COMMANDS = ['up', 'tracker', 'status', 'contents'];
const sha1Of = (n: number) => n.toString(16).padStart(40, '0');

/** An instance without a tracker behind it, for what only the answers matter to. Returns HOST:PORT. */
async function serveMemory(t: TestContext, tracker: MemoryTracker): Promise<string> {
  const app = await buildApp(tracker, { logger: pino({ level: 'silent' }) });
  t.after(() => app.close());
  const url = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
  return url.host;
}

// ---- Usage ----

test('wrong usage ends with 2 and says what was wrong', async () => {
  const cases: [args: string, message: RegExp][] = [
    ['nonsense', /unknown command 'nonsense'/],
    ['--nonsense', /unknown option '--nonsense'/],
    ['tracker --nonsense', /unknown option '--nonsense'/],
    ['tracker extra', /too many arguments/],
    ['tracker --port', /argument missing/],
    ['tracker --port 65536', /Give a whole number from 0 to 65535/],
    ['tracker --port x', /Give a whole number from 0 to 65535/],
    ['up --interval 0', /Give a whole number from 1 to 86400/],
    ['tracker --cluster ../x', /A cluster's name has/],
    ['tracker --host 0.0.0.0', /without a cluster key an instance serves this machine only/],
    ['tracker --host 192.0.2.1', /Use 127\.0\.0\.1 or ::1/],
    ['tracker --host localhost', /Give an IP address/],
    ['tracker --log-level loud', /Give one of silent, /],
    ['status --tracker 6969', /Give HOST:PORT, such as 127\.0\.0\.1:6969/],
    ['contents --limit 0', /Give a whole number of at least 1/],
  ];
  await Promise.all(
    cases.map(async ([args, message]) => {
      const { code, stdout, stderr } = await runSwarmkeeper(args.replace(/ |$/, ' --json ').trim().split(' '));
      assert.equal(code, 2, args);
      assert.match(stderr, message, args);
      assert.match(stderr, /--help shows what there is/, args);
      const { event, code: errorCode, message: text } = JSON.parse(stdout);
      assert.deepEqual({ event, errorCode }, { event: 'error', errorCode: 'WRONG_USAGE' });
      if (!args.startsWith('-')) assert.match(text, message, args);
    }),
  );
});

test('without a command the help says what there is, and the exit code that it was wrong', async () => {
  const { code, stdout, stderr } = await runSwarmkeeper([]);
  assert.equal(code, 2);
  assert.equal(stdout, '');
  for (const command of COMMANDS) assert.match(stderr, new RegExp(`^ {2}${command} `, 'm'));
});

test('help of every command has an example that the command line understands', async () => {
  for (const args of [[], ...COMMANDS.map((command) => [command])]) {
    const { code, stdout, stderr } = await runSwarmkeeper([...args, '--help']);
    assert.equal(code, 0);
    assert.equal(stderr, '');
    const [, example] = /\nExample:\n {2}swarmkeeper (.*)\n/.exec(stdout) ?? [];
    assert.ok(example?.startsWith(args.join(' ')), stdout);
    const checked = await runSwarmkeeper([...example.split(' '), '--help']);
    assert.equal(checked.code, 0, `${example}: ${checked.stderr}`);
  }
});

test('--version is that of the package', async () => {
  const { code, stdout } = await runSwarmkeeper(['--version']);
  assert.equal(code, 0);
  const { version } = JSON.parse(await readFile(join(import.meta.dirname, '../package.json'), 'utf8'));
  assert.equal(stdout, `${version}\n`);
});

// ---- Asking ----

test('status prints a table, or one JSON object', async (t) => {
  const at = await serveMemory(t, new MemoryTracker());
  const table = await runSwarmkeeper(['status', '--tracker', at]);
  assert.equal(table.code, 0, table.stderr);
  assert.match(table.stdout, /^cluster test {2}term 1 {2}commit index 0 {2}master one\n/);
  assert.match(table.stdout, /\nNAME +ROLE +VOTER +ALIVE +ADDRESS .*\none +master +yes +yes +127\.0\.0\.1:6969 /);
  const json = await runSwarmkeeper(['status', '--tracker', at, '--json']);
  assert.equal(json.code, 0);
  assert.equal(ClusterSchema.parse(JSON.parse(json.stdout)).cluster, 'test');
});

test('contents prints every page, or as many as asked for', async (t) => {
  const tracker = new MemoryTracker();
  const total = 2 * MAX_PAGE + 3;
  for (let n = 0; n < total; n++) tracker.add(sha1Of(n), { name: `content ${n}`, size: 1_536 });
  const at = await serveMemory(t, tracker);
  const list = (...args: string[]) => runSwarmkeeper(['contents', '--tracker', at, ...args]);

  const all = await list('--json');
  assert.equal(all.code, 0, all.stderr);
  const contents = all.stdout
    .trimEnd()
    .split('\n')
    .map((line) => ContentSchema.parse(JSON.parse(line)));
  assert.deepEqual(
    contents.map(({ sha1 }) => sha1),
    Array.from({ length: total }, (_, n) => sha1Of(n)),
  );
  assert.equal((await list('--json', '--limit', '1001')).stdout.trimEnd().split('\n').length, 1_001);

  const table = (await list()).stdout.trimEnd().split('\n');
  assert.equal(table.length, total + 1, 'the titles stand there once');
  assert.match(table[0], /^SHA1 +SIZE +SEEDERS +LEECHERS +COMPLETED +NAME$/);
  assert.match(table[1], /^0{40} +1\.5 KiB +0 +0 +0 +content 0$/);
  const columnOfName = table.map((line, n) => line.indexOf(n === 0 ? 'NAME' : 'content'));
  assert.equal(new Set(columnOfName).size, 1, 'pages line up');
});

test('an empty list is a success', async (t) => {
  const at = await serveMemory(t, new MemoryTracker());
  const json = await runSwarmkeeper(['contents', '--tracker', at, '--json']);
  assert.deepEqual([json.code, json.stdout], [0, '']);
});

test('a reader that has seen enough is no failure', async (t) => {
  const tracker = new MemoryTracker();
  for (let n = 0; n < 5_000; n++) tracker.add(sha1Of(n));
  const at = await serveMemory(t, tracker);
  const child = spawn(SWARMKEEPER, ['contents', '--tracker', at], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdout.once('data', () => child.stdout.destroy());
  const [code] = await once(child, 'exit');
  assert.deepEqual([code, stderr], [0, '']);
});

test('asking where no tracker is ends with 1 and says what to do', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  for (const command of ['status', 'contents']) {
    const { code, stdout, stderr } = await runSwarmkeeper([command, '--tracker', `127.0.0.1:${port}`, '--json']);
    assert.equal(code, 1);
    assert.match(stderr, /^swarmkeeper: no tracker answers at 127\.0\.0\.1:\d+: nothing listens there; start one with/);
    const { event, code: errorCode, message } = JSON.parse(stdout);
    assert.deepEqual([event, errorCode], ['error', 'UNREACHABLE']);
    assert.equal(stderr, `swarmkeeper: ${message}\n`);
  }
});

// ---- Running an instance ----

test('an instance says where it listens, serves there, and stops cleanly when it is told to', async () => {
  for (const [command, signal] of [
    ['tracker', 'SIGINT'],
    ['tracker', 'SIGTERM'],
    ['up', 'SIGINT'],
  ] as const) {
    await using instance = await startSwarmkeeper({ command, args: ['--cluster', 'films', '--name', 'one'] });
    const { listening, pid, clientPort, dataDir } = instance;
    assert.ok(clientPort > 0);
    assert.ok(listening.hosts.includes('127.0.0.1'));
    const { hosts, ...rest } = listening;
    assert.deepEqual(rest, {
      event: 'listening',
      clientPort,
      memberPort: null,
      pid,
      cluster: 'films',
      name: 'one',
      data: dataDir,
    });

    const status = await runSwarmkeeper(['status', '--json', '--tracker', `127.0.0.1:${clientPort}`]);
    const cluster = ClusterSchema.parse(JSON.parse(status.stdout));
    assert.equal(cluster.cluster, 'films');
    assert.deepEqual(
      cluster.members.map(({ name, role, clientPort }) => ({ name, role, clientPort })),
      [{ name: 'one', role: 'master', clientPort }],
    );
    const ended = await instance.stop(signal);
    assert.deepEqual([ended.code, ended.signal, ended.stderr], [0, null, '']);
    assert.equal(instance.process.jsonLines.length, 1);
  }
});

test('a signal that arrives twice, as npm passes on what the terminal already sent, still stops it cleanly', async () => {
  await using instance = await startSwarmkeeper();
  instance.process.kill('SIGINT');
  const { code, stderr } = await instance.stop('SIGTERM');
  assert.deepEqual([code, stderr], [0, '']);
});

test('what a client announces is in the contents', async () => {
  await using instance = await startSwarmkeeper({ args: ['--interval', '60'] });
  await using client = await UdpClient.open('127.0.0.1', instance.clientPort);
  const infoHash = newInfoHash();
  const reply = await client.announce({ infoHash, left: 0n, urlData: '/announce?name=a%20film&size=2048' });
  assert.equal(reply.intervalSeconds, 60);
  const { stdout } = await runSwarmkeeper(['contents', '--json', '--tracker', `127.0.0.1:${instance.clientPort}`]);
  assert.deepEqual(JSON.parse(stdout), {
    sha1: Buffer.from(infoHash).toString('hex'),
    name: 'a film',
    size: 2_048,
    seeders: 1,
    leechers: 0,
    completed: 0,
  });
});

test('people are told what to put into a torrent', async () => {
  await using folder = await temporaryFolder();
  await using process = new SwarmkeeperProcess(['tracker', '--port', '0', '--data', folder.path, '--name', 'one']);
  await process.until('the welcome', () => process.stdout.includes('Ctrl-C stops it.'));
  const [, port] = /udp:\/\/127\.0\.0\.1:(\d+)\/announce {2}or {2}http:\/\/127\.0\.0\.1:\1\/announce\n/.exec(
    process.stdout,
  )!;
  assert.match(process.stdout, /^swarmkeeper: one serves cluster swarmkeeper; announce to\n/);
  assert.ok(process.stdout.includes(`data: ${folder.path}\n`));
  const [, status] = /status: (\S+)\n/.exec(process.stdout)!;
  assert.equal(status, `http://127.0.0.1:${port}/api/v1/cluster`);
  assert.equal((await fetch(status)).status, 200);
});

test('without --data the database is in the XDG data folder, one for each cluster', async () => {
  await using folder = await temporaryFolder();
  const env = { ...process.env, XDG_DATA_HOME: folder.path };
  await using running = new SwarmkeeperProcess(['tracker', '--json', '--port', '0', '--cluster', 'films'], { env });
  await running.until('the listening line', () => running.jsonLines.length > 0);
  const expected = join(folder.path, 'swarmkeeper', 'films');
  assert.equal(running.jsonLines[0].data, expected);
  assert.ok((await stat(expected)).isDirectory());
});

test('a port that is taken is a failure that says so', async () => {
  await using first = await startSwarmkeeper();
  await using folder = await temporaryFolder();
  const args = ['tracker', '--json', '--data', folder.path, '--port', String(first.clientPort)];
  const { code, stdout, stderr } = await runSwarmkeeper(args);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`port ${first.clientPort} is taken.*choose one with --port`));
  const { event, code: errorCode } = JSON.parse(stdout);
  assert.deepEqual([event, errorCode], ['error', 'EADDRINUSE']);
});

test('a folder that cannot hold the database is a failure that names it', async () => {
  // A file where a folder should be.
  const { code, stderr, stdout } = await runSwarmkeeper(['tracker', '--json', '--port', '0', '--data', SWARMKEEPER]);
  assert.equal(code, 1);
  assert.ok(stderr.includes(SWARMKEEPER), stderr);
  assert.doesNotMatch(stderr, /\n {4}at /, 'no stack for what was foreseen');
  assert.equal(JSON.parse(stdout).event, 'error');
});

test('an admin token that cannot be used is refused before anything starts', async () => {
  await using folder = await temporaryFolder();
  const args = ['tracker', '--port', '0', '--data', join(folder.path, 'data')];
  const missing = await runSwarmkeeper([...args, '--admin-token-file', join(folder.path, 'none')]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /the admin token cannot be read/);
  const short = await runSwarmkeeper(args, { env: { ...process.env, SWARMKEEPER_ADMIN_TOKEN: 'short' } });
  assert.equal(short.code, 1);
  assert.match(short.stderr, /SWARMKEEPER_ADMIN_TOKEN must hold one admin token of at least 16/);
});
