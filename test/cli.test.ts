import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { buildApp } from '../src/api/app.ts';
import { type Cluster, ClusterSchema, ContentSchema, MAX_PAGE, type Settings } from '../src/api/schemas.ts';
import { MemoryTracker, otherMember } from './harness/memory-tracker.ts';
import { startCluster } from './harness/start-cluster.ts';
import {
  type Listening,
  runSwarmkeeper,
  SWARMKEEPER,
  SwarmkeeperProcess,
  startSwarmkeeper,
  temporaryFolder,
} from './harness/start-swarmkeeper.ts';
import { formatGroup, type TestNetwork, testNetwork } from './harness/test-network.ts';
import { TrackerApi } from './harness/tracker-api.ts';
import { newInfoHash, UdpClient } from './harness/udp-client.ts';
import { waitFor } from './harness/wait-for.ts';

const COMMANDS = ['up', 'tracker', 'share', 'get', 'peer', 'status', 'contents', 'step-down', 'keygen'];
const sha1Of = (n: number) => n.toString(16).padStart(40, '0');

/** Where a command asks by multicast: in the group of a test, on loopback. */
function asking({ group }: TestNetwork): string[] {
  return ['--group', formatGroup(group), '--interface', '127.0.0.1'];
}

/** The processes that a process started. */
async function childrenOf(pid: number): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.trim().split(' ').map(Number);
}

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
    ['tracker --host 0.0.0.0', /no address of an interface/],
    ['tracker --host 192.0.2.1', /192\.0\.2\.1 is not a loopback address: .* Make a key with `swarmkeeper keygen/],
    ['up --host 192.0.2.1', /without a cluster key an instance serves this machine only/],
    ['up --host ::ffff:192.0.2.1', /not a loopback address/],
    ['tracker --expect 8', /Give a whole number from 1 to 7/],
    ['tracker --replace-after 0', /Give a whole number from 1 to/],
    ['tracker --keep-log 0', /Give a whole number from 1 to 4096/],
    ['tracker --group 192.0.2.1:6969', /Give ADDR:PORT of an IPv4 multicast group/],
    ['tracker --peer-pages javascript:alert(1)', /Give the URL of its first page/],
    ['tracker --peer-pages http://127.0.0.1:7070/share', /Give the URL of its first page/],
    ['up --instances 2', /a majority decides/],
    ['up --port 65534', /3 instances from port 65534 on go beyond port 65535/],
    ['status --interface lo', /Give an address of this machine/],
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
  for (const command of ['status', 'contents', 'step-down']) {
    const { code, stdout, stderr } = await runSwarmkeeper([command, '--tracker', `127.0.0.1:${port}`, '--json']);
    assert.equal(code, 1);
    assert.match(stderr, /^swarmkeeper: no tracker answers at 127\.0\.0\.1:\d+: nothing listens there; start one with/);
    const { event, code: errorCode, message } = JSON.parse(stdout);
    assert.deepEqual([event, errorCode], ['error', 'UNREACHABLE']);
    assert.equal(stderr, `swarmkeeper: ${message}\n`);
  }
});

test('without --tracker it is asked for in the group; where nobody answers, that is said', async () => {
  const { code, stdout } = await runSwarmkeeper(['status', ...asking(testNetwork()), '--json']);
  assert.equal(code, 1);
  const { event, code: errorCode, message } = JSON.parse(stdout);
  assert.deepEqual([event, errorCode], ['error', 'NO_TRACKER']);
  assert.match(message, /or name an instance with --tracker HOST:PORT/);
});

test('status warns of what is not well, and succeeds all the same', async (t) => {
  const tracker = new MemoryTracker();
  tracker.others = [otherMember({ alive: false, lastKeepaliveMs: 61_000 })];
  const at = await serveMemory(t, tracker);
  const table = await runSwarmkeeper(['status', '--tracker', at]);
  assert.equal(table.code, 0);
  assert.match(table.stdout, /\n\nwarning: two is dead \(last heard 61 s ago\): start it again/);
  const json = await runSwarmkeeper(['status', '--tracker', at, '--json']);
  assert.equal(json.code, 0);
  assert.deepEqual(JSON.parse(json.stdout).warnings.length, 1);
});

test('step-down asks the instance that was named, and shows who is master then', async (t) => {
  const tracker = new MemoryTracker();
  const at = await serveMemory(t, tracker);
  const done = await runSwarmkeeper(['step-down', '--tracker', at]);
  assert.equal(done.code, 0, done.stderr);
  assert.equal(tracker.stepDowns, 1);
  assert.match(done.stdout, /^cluster test {2}term 1 /);
  const refused = await runSwarmkeeper(['step-down', '--tracker', at], {
    env: { ...process.env, SWARMKEEPER_ADMIN_TOKEN: 'not-the-one-of-the-tracker' },
  });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /the admin token is not the one of this instance/);
});

// ---- Keys ----

test('keygen prints a key, or writes it where only its owner can read it, once', async () => {
  const printed = await runSwarmkeeper(['keygen']);
  assert.deepEqual([printed.code, printed.stderr], [0, '']);
  assert.match(printed.stdout, /^[0-9a-f]{64}\n$/);
  const json = JSON.parse((await runSwarmkeeper(['keygen', '--json'])).stdout);
  assert.equal(json.event, 'key');
  assert.notEqual(`${json.key}\n`, printed.stdout);

  await using folder = await temporaryFolder();
  const file = join(folder.path, 'cluster.key');
  const written = await runSwarmkeeper(['keygen', '--out', file]);
  assert.equal(written.code, 0, written.stderr);
  const key = await readFile(file, 'utf8');
  assert.match(key, /^[0-9a-f]{64}\n$/);
  assert.ok(!written.stdout.includes(key.trim()), 'a key that is in a file is not on the screen too');
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const again = await runSwarmkeeper(['keygen', '--out', file, '--json']);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /cannot be written to .*: it is there already, and a cluster may depend on it/);
  assert.equal(JSON.parse(again.stdout).code, 'EEXIST');
  assert.equal(await readFile(file, 'utf8'), key);
});

test('what is no key is refused, and so is an address that this machine does not have', async () => {
  await using folder = await temporaryFolder();
  const data = join(folder.path, 'data');
  const start = (key: string) =>
    runSwarmkeeper(['tracker', '--json', '--port', '0', '--data', data, '--host', '192.0.2.1', ...testNetwork().args], {
      env: { ...process.env, SWARMKEEPER_KEY: key },
    });
  const bad = await start('0123');
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, /SWARMKEEPER_KEY is no cluster key: .* Make one with: swarmkeeper keygen/);
  const { stdout: key } = await runSwarmkeeper(['keygen']);
  const elsewhere = await start(key);
  assert.equal(elsewhere.code, 1);
  assert.match(elsewhere.stderr, /this machine does not have all of these addresses: 192\.0\.2\.1; give --host/);
});

// ---- Running an instance ----

test('an instance says where it listens, serves there, and stops cleanly when it is told to', async () => {
  for (const [command, args, signal] of [
    ['tracker', [], 'SIGINT'],
    ['tracker', [], 'SIGTERM'],
    ['up', ['--instances', '1'], 'SIGINT'],
  ] as const) {
    await using instance = await startSwarmkeeper({ command, args: ['--cluster', 'films', '--name', 'one', ...args] });
    const { listening, clientPort, dataDir } = instance;
    assert.ok(clientPort > 0);
    assert.ok(listening.hosts.includes('127.0.0.1'));
    const { hosts, memberPort, pid, ...rest } = listening;
    assert.ok(memberPort > 0 && memberPort !== clientPort);
    assert.equal(pid === instance.pid, command === 'tracker', 'up runs it as a process of its own');
    assert.deepEqual(rest, { event: 'listening', clientPort, cluster: 'films', name: 'one', data: dataDir });

    const cluster = await new TrackerApi(instance).cluster();
    assert.equal(cluster.cluster, 'films');
    assert.deepEqual(
      cluster.members.map(({ name, role, clientPort }) => ({ name, role, clientPort })),
      [{ name: 'one', role: 'master', clientPort }],
    );
    const ended = await instance.stop(signal);
    assert.deepEqual([ended.code, ended.signal, ended.stderr], [0, null, '']);
    assert.equal(instance.process.jsonLines.filter(({ event }) => event === 'listening').length, 1);
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
  await using process = new SwarmkeeperProcess([
    ...['tracker', '--port', '0', '--data', folder.path, '--name', 'one'],
    ...testNetwork().args,
  ]);
  await process.until('the welcome', () => process.stdout.includes('Ctrl-C stops it.'));
  const [, port] = /udp:\/\/127\.0\.0\.1:(\d+)\/announce {2}or {2}http:\/\/127\.0\.0\.1:\1\/announce\n/.exec(
    process.stdout,
  )!;
  assert.match(process.stdout, /^swarmkeeper: one serves cluster test-\w+; announce to\n/);
  assert.ok(process.stdout.includes(`data: ${folder.path}\n`));
  const [, status] = /status: (\S+)\n/.exec(process.stdout)!;
  assert.equal(status, `http://127.0.0.1:${port}/api/v1/cluster`);
  assert.equal((await fetch(status)).status, 200);
});

test('without --data the database is in the XDG data folder, one for each cluster', async () => {
  await using folder = await temporaryFolder();
  const env = { ...process.env, XDG_DATA_HOME: folder.path };
  await using running = new SwarmkeeperProcess(
    ['tracker', '--json', '--port', '0', ...testNetwork().args, '--cluster', 'films'],
    { env },
  );
  await running.until('the listening line', () => running.jsonLines.length > 0);
  const expected = join(folder.path, 'swarmkeeper', 'films');
  assert.equal(running.jsonLines[0].data, expected);
  assert.ok((await stat(expected)).isDirectory());
});

test('a port that is taken is a failure that says so', async () => {
  await using first = await startSwarmkeeper();
  await using folder = await temporaryFolder();
  const args = ['tracker', '--json', '--data', folder.path, '--port', String(first.clientPort), ...testNetwork().args];
  const { code, stdout, stderr } = await runSwarmkeeper(args);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`port ${first.clientPort} is taken.*choose one with --port`));
  const { event, code: errorCode } = JSON.parse(stdout);
  assert.deepEqual([event, errorCode], ['error', 'EADDRINUSE']);

  const member = await runSwarmkeeper([...args, '--port', '0', '--member-port', String(first.listening.memberPort)]);
  assert.equal(member.code, 1);
  assert.match(member.stderr, new RegExp(`port ${first.listening.memberPort} is taken.*choose one with --member-port`));

  // One of three finds its port taken: none of them runs on.
  const up = await runSwarmkeeper(['up', ...args.slice(1), '--port', String(first.clientPort - 1), '--name', 'n']);
  assert.equal(up.code, 1);
  assert.match(up.stderr, new RegExp(`^swarmkeeper: n-2 cannot start: port ${first.clientPort} is taken.*\n$`));
});

test('a folder that cannot hold the database is a failure that names it', async () => {
  // A file where a folder should be.
  const { code, stderr, stdout } = await runSwarmkeeper([
    ...['tracker', '--json', '--port', '0', '--data', SWARMKEEPER],
    ...testNetwork().args,
  ]);
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

// ---- A cluster ----

/** What `up` prints of each of its instances, once all of them serve. */
async function listeningLines(up: SwarmkeeperProcess, count: number): Promise<Listening[]> {
  return await up.until(`${count} instances listen`, () => {
    const lines = up.jsonLines.filter(({ event }) => event === 'listening');
    return lines.length === count ? (lines as unknown as Listening[]) : undefined;
  });
}

/** Waits until the cluster has so many living voters, and a master whom the one that is asked knows. */
function formed(instance: { clientPort: number }, voters: number): Promise<Cluster> {
  return waitFor(`a cluster of ${voters}`, async () => {
    const cluster = await new TrackerApi(instance).cluster();
    const living = cluster.members.filter(({ alive, voter }) => alive && voter);
    return cluster.master !== null && living.length === voters ? cluster : undefined;
  });
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('up runs three instances, tells who dies and how to start it again, and stops what it started', async () => {
  await using folder = await temporaryFolder();
  const network = testNetwork();
  const args = ['--json', '--port', '0', '--data', folder.path, '--name', 'n', ...network.args];
  await using up = new SwarmkeeperProcess(['up', ...args]);
  const lines = await listeningLines(up, 3);
  assert.deepEqual(lines.map(({ name }) => name).sort(), ['n-1', 'n-2', 'n-3']);
  assert.deepEqual(
    lines.map(({ data }) => data).sort(),
    ['1', '2', '3'].map((n) => join(folder.path, n)),
  );
  assert.equal(new Set([up.pid, ...lines.map(({ pid }) => pid)]).size, 4);
  const { members, master } = await formed(lines[0], 3);
  await up.until('it says who is master', () =>
    up.jsonLines.find((line) => line.event === 'master' && line.id === master),
  );

  const status = await runSwarmkeeper(['status', '--json', ...asking(network)]);
  assert.equal(status.code, 0, status.stderr);
  assert.equal(JSON.parse(status.stdout).self, master, 'who answers in the group is the master');

  const victim = lines.find(({ clientPort }) => clientPort !== members.find(({ id }) => id === master)!.clientPort)!;
  process.kill(victim.pid, 'SIGKILL');
  const told = await up.until('it says who died', () => up.jsonLines.find(({ event }) => event === 'ended'));
  const { name, pid, code, signal, command } = told;
  assert.deepEqual([name, pid, code, signal], [victim.name, victim.pid, null, 'SIGKILL']);
  assert.ok(up.running, 'the others go on');

  const [program, ...commandArgs] = command as string[];
  await using again = new SwarmkeeperProcess(commandArgs, { program });
  await formed(victim, 3);
  up.kill('SIGINT');
  const ended = await up.ended();
  assert.deepEqual([ended.code, ended.stderr], [0, '']);
  for (const { pid } of lines) assert.ok(!isRunning(pid));
  assert.ok(again.running, 'what it did not start it does not stop');
  again.kill('SIGTERM');
  assert.equal((await again.ended()).code, 0);
});

test('up --peer runs a peer too, whose pages its instances tell; the cluster outlives it, and it ends with up', async () => {
  await using folder = await temporaryFolder();
  const { args } = testNetwork();
  const words = ['up', '--json', '--instances', '1', '--port', '0', '--peer-port', '0', '--data', folder.path];
  await using up = new SwarmkeeperProcess([...words, ...args]);
  const [instance] = await listeningLines(up, 1);
  const peer = up.jsonLines.find(({ event }) => event === 'peer-listening')!;
  const { url, pid } = peer as { url: string; pid: number };
  assert.deepEqual([peer.data, peer.downloads], [join(folder.path, 'peer'), join(folder.path, 'peer', 'downloads')]);
  const settings = await fetch(`http://127.0.0.1:${instance.clientPort}/api/v1/settings`);
  assert.equal(((await settings.json()) as Settings).peerPages, url);
  const tracker = `127.0.0.1:${instance.clientPort}`;
  await waitFor('the peer to find the cluster', async () => {
    const status = (await (await fetch(`${url}api/v1/peer`)).json()) as { tracker: string | null };
    return status.tracker === tracker || undefined;
  });

  process.kill(pid, 'SIGKILL');
  const told = await up.until('it says that the peer died', () =>
    up.jsonLines.find(({ event }) => event === 'peer-ended'),
  );
  assert.deepEqual([told.pid, told.signal], [pid, 'SIGKILL']);
  await formed(instance, 1);
  // The same port, so that the buttons of the pages lead to it again.
  const [program, ...commandArgs] = told.command as string[];
  await using again = new SwarmkeeperProcess([...commandArgs, '--json'], { program });
  const back = await again.until('it listens', () => again.jsonLines.find(({ event }) => event === 'listening'));
  assert.equal(back.url, url);

  // Its port is taken now, and its folder in use: a cluster goes on without it.
  await using second = await temporaryFolder();
  const taken = ['--port', '0', '--peer-port', new URL(url).port, '--data', second.path, ...testNetwork().args];
  await using without = new SwarmkeeperProcess(['up', '--json', '--instances', '1', ...taken]);
  const [alone] = await listeningLines(without, 1);
  const failed = without.jsonLines.find(({ event }) => event === 'peer-failed')!;
  assert.equal(failed.code, 'EADDRINUSE');
  assert.match(String(failed.message), /^port \d+ is taken: .* choose one with --peer-port/);
  const its = await fetch(`http://127.0.0.1:${alone.clientPort}/api/v1/settings`);
  assert.equal(((await its.json()) as Settings).peerPages, null);
  for (const each of [without, up, again]) {
    each.kill('SIGTERM');
    assert.equal((await each.ended()).code, 0);
  }
});

test('a peer that up runs stops with it', async () => {
  await using folder = await temporaryFolder();
  const words = ['up', '--instances', '1', '--port', '0', '--peer-port', '0', '--data', folder.path];
  await using up = new SwarmkeeperProcess([...words, ...testNetwork().args]);
  const [, url] = await up.until('it says where to share', () => /share and download: (\S+)/.exec(up.stdout));
  assert.equal((await fetch(url)).status, 200);
  const children = await childrenOf(up.pid);
  assert.equal(children.length, 2);
  up.kill('SIGINT');
  const { code, stderr } = await up.ended();
  assert.deepEqual([code, stderr], [0, '']);
  for (const pid of children) assert.ok(!isRunning(pid));
});

test('instances of up that is killed stop by themselves', async () => {
  await using folder = await temporaryFolder();
  await using up = new SwarmkeeperProcess([
    'up',
    '--json',
    '--port',
    '0',
    '--data',
    folder.path,
    ...testNetwork().args,
  ]);
  const lines = await listeningLines(up, 3);
  up.kill('SIGKILL');
  await up.ended();
  for (const { pid } of lines) await waitFor('the end of an instance', () => !isRunning(pid));
});

test('up ends when all of its instances have, with 1 and what became of them', async () => {
  await using folder = await temporaryFolder();
  const args = ['--port', '0', '--data', folder.path, '--name', 'n', '--instances', '3', ...testNetwork().args];
  await using up = new SwarmkeeperProcess(['up', ...args]);
  const died = (n: number) =>
    new RegExp(`n-${n} (died|left) \\(pid (\\d+), .*; this starts it again: \\S+/bin/swarmkeeper tracker`);
  await up.until('the welcome', () => up.stdout.includes('each may also be killed by itself'));
  const ports = [...up.stdout.matchAll(/udp:\/\/127\.0\.0\.1:(\d+)\//g)].map(([, port]) => Number(port));
  await formed({ clientPort: ports[0] }, 3);
  await up.until('the master', () => /^master: n-[123], term \d+$/m.test(up.stdout));
  for (const clientPort of ports) {
    assert.equal((await new TrackerApi({ clientPort }).cluster()).members.length, 3);
  }
  const pids = await childrenOf(up.pid);
  assert.equal(pids.length, 3);
  for (const [i, pid] of pids.entries()) process.kill(pid, i === 0 ? 'SIGTERM' : 'SIGKILL');
  const { code, stdout, stderr } = await up.ended();
  assert.equal(code, 1);
  for (const n of [1, 2, 3]) assert.match(stdout, died(n));
  assert.equal(stdout.match(/ left \(pid \d+, ended with exit code 0\)/g)?.length, 1);
  assert.match(stderr, /^swarmkeeper: no instance is left; /);
});

test('an instance that was alone becomes a cluster of three and keeps what it knows; fewer are refused then', async () => {
  await using folder = await temporaryFolder();
  const infoHash = newInfoHash();
  const network = testNetwork();
  {
    await using alone = await startSwarmkeeper({ dataDir: folder.path, network });
    await using client = await UdpClient.open('127.0.0.1', alone.clientPort);
    await client.announce({ infoHash, left: 0n });
    await alone.stop();
  }
  {
    await using up = new SwarmkeeperProcess(['up', '--json', '--port', '0', '--data', folder.path, ...network.args]);
    const lines = await listeningLines(up, 3);
    assert.deepEqual(lines.map(({ data }) => data).sort(), [
      folder.path,
      join(folder.path, '2'),
      join(folder.path, '3'),
    ]);
    await formed(lines[0], 3);
    for (const line of lines) {
      await waitFor(
        'the content on every instance',
        async () => (await new TrackerApi(line).content(infoHash))?.seeders === 1,
      );
    }
    up.kill('SIGTERM');
    assert.equal((await up.ended()).code, 0);
  }
  const fewer = await runSwarmkeeper(['up', '--instances', '1', '--port', '0', '--data', folder.path, ...network.args]);
  assert.equal(fewer.code, 1);
  assert.match(fewer.stderr, /holds a cluster of more than 1 instances, .*: use --instances 3/);
});

test('step-down makes another instance the master, whichever is asked, and all of them live on', async () => {
  await using cluster = await startCluster();
  const before = await cluster.master();
  const [slave] = await cluster.slaves();
  const stepDown = await runSwarmkeeper(['step-down', '--json', '--tracker', `127.0.0.1:${slave.clientPort}`]);
  assert.equal(stepDown.code, 0, stepDown.stderr);
  await waitFor('another master', async () => (await cluster.master()) !== before);
  await formed(before, 3);
});

test('instances with a key are one cluster; one without it stays outside, and its messages are counted', async () => {
  await using folder = await temporaryFolder();
  const keyFile = join(folder.path, 'cluster.key');
  assert.equal((await runSwarmkeeper(['keygen', '--out', keyFile])).code, 0);
  await using cluster = await startCluster({ args: ['--key-file', keyFile] });
  await using stranger = await startSwarmkeeper({ network: cluster.network });
  const alone = await formed(stranger, 1);
  assert.equal(alone.members.length, 1);
  const master = await cluster.master();
  assert.equal((await new TrackerApi(master).cluster()).members.length, 3);
  await waitFor(
    'what it sends is counted',
    async () => (await new TrackerApi(master).metric('member_messages_refused_total')) > 0,
  );
});
