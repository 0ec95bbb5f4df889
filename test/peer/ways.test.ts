import assert from 'node:assert/strict';
import { chmod, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { encode } from '../../src/bittorrent/bencode.ts';
import { startCluster, type TestCluster } from '../harness/start-cluster.ts';
import { runSwarmkeeper } from '../harness/start-swarmkeeper.ts';
import { testNetwork } from '../harness/test-network.ts';
import { doneOf, Stage } from './stage.ts';

const MIB = 1024 * 1024;
const ESCAPE = '\u001b';

let cluster: TestCluster;
before(async () => {
  cluster = await startCluster({ instances: 1, args: ['--host', '127.0.0.1', '--host', '::1'] });
});
after(() => cluster[Symbol.asyncDispose]());

test('Who names an instance needs no multicast, be it by IPv4 or IPv6', async (t) => {
  // Nobody is in the group of this stage.
  const stage = await Stage.open(t);
  const { clientPort } = cluster.instances[0];
  await stage.write('named', 2 * MIB);
  const six = ['--tracker', `[::1]:${clientPort}`, '--interface', '::1', '--host', '::1'];
  const { shared } = await stage.share(stage.path('named'), ...six);
  await stage.get('named', 'six', ...six);
  await stage.assertSame('named', 'six/named');
  await stage.get(shared[0].sha1, 'peer', '--peer', `[::1]:${shared[0].port}`);
  await stage.assertSame('named', 'peer/named');
  await stage.write('plain', 1 * MIB);
  const four = ['--tracker', `127.0.0.1:${clientPort}`];
  await stage.share(stage.path('plain'), ...four);
  await stage.get('plain', 'four', ...four);
  await stage.assertSame('plain', 'four/plain');
});

test('A magnet link or torrent file with a tracker needs nothing else, a private one neither', async (t) => {
  const stage = await Stage.open(t);
  const { clientPort } = cluster.instances[0];
  for (const [name, url, flags] of [
    ['by-udp', `udp://127.0.0.1:${clientPort}/announce`, []],
    ['by-http', `http://127.0.0.1:${clientPort}/announce`, []],
    ['in-private', `udp://127.0.0.1:${clientPort}/announce`, ['--private']],
  ] as const) {
    await stage.write(name, 1 * MIB);
    const { shared } = await stage.share(stage.path(name), '--announce', url, ...flags);
    const [{ magnet, torrent }] = shared;
    await stage.get(torrent, `${name}-torrent`);
    await stage.assertSame(name, `${name}-torrent/${name}`);
    await stage.get(magnet, `${name}-magnet`);
    await stage.assertSame(name, `${name}-magnet/${name}`);
  }
});

test('What may be run stays so', async (t) => {
  const stage = await Stage.open(t, cluster.network);
  await stage.write('tools/run', 100_000);
  await stage.write('tools/read', 100_000);
  await stage.write('alone', 100_000);
  await chmod(stage.path('tools/run'), 0o755);
  await chmod(stage.path('alone'), 0o700);
  await stage.share(stage.path('tools'), stage.path('alone'));
  await stage.get('tools', 'out');
  await stage.get('alone', 'out');
  const mayRun = async (path: string) => ((await stat(stage.path(path))).mode & 0o100) !== 0;
  assert.deepEqual(await Promise.all(['out/tools/run', 'out/tools/read', 'out/alone'].map(mayRun)), [
    true,
    false,
    true,
  ]);
});

test('Into a pipe or file nothing is written but what happened', async (t) => {
  const stage = await Stage.open(t, cluster.network);
  await stage.write('quiet', 1 * MIB);
  await stage.share(stage.path('quiet'));
  const args = stage.args.filter((arg) => arg !== '--json');
  const { code, stdout, stderr } = await runSwarmkeeper([
    'get',
    'quiet',
    ...args,
    '--data',
    stage.path('data'),
    '-o',
    stage.path('out'),
    '--no-seed',
  ]);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^\S+\/out\/quiet {2}1\.0 MiB {2}done: [\d.]+ s, [\d.]+ \S+\/s\n$/);
  assert.ok(!stdout.includes(ESCAPE));
});

test('Programs hear of the progress and the end of each, one object a line', async (t) => {
  const stage = await Stage.open(t, cluster.network);
  await stage.write('told-of', 6 * MIB);
  const { shared } = await stage.share(stage.path('told-of'));
  const [{ sha1 }] = shared;
  const get = stage.run('get', 'told-of', '-o', stage.path('out'), '--no-seed', '--download-rate', '2048');
  const done = doneOf(await get.ended());
  assert.deepEqual([done.sha1, done.bytes, done.fetched], [sha1, 6 * MIB, 6 * MIB]);
  const progress = get.jsonLines.filter(({ event }) => event === 'progress');
  assert.ok(progress.length > 0);
  for (const each of progress) {
    assert.deepEqual([each.sha1, each.size, typeof each.bytesPerSecond, each.peers], [sha1, 6 * MIB, 'number', 1]);
  }
});

test('Torrents that want to be written elsewhere, or cannot be, are refused and write nothing', async (t) => {
  const stage = await Stage.open(t, cluster.network);
  const info = (fields: object) => ({ 'piece length': 32_768, pieces: new Uint8Array(20), name: 'x', ...fields });
  const inFolder = (...path: string[]) => info({ files: [{ length: 10, path }] });
  const bad: Record<string, Uint8Array> = {
    dots: encode({ info: inFolder('..', '..', 'evil') }),
    absolute: encode({ info: inFolder('/etc', 'evil') }),
    'name-dots': encode({ info: info({ name: '..', length: 10 }) }),
    'name-absolute': encode({ info: info({ name: '/dev/null', length: 10 }) }),
    'name-below': encode({ info: info({ name: 'a/../../b', length: 10 }) }),
    nothing: encode({ info: inFolder('a', '', 'b') }),
    'too-long': encode({ info: inFolder('x'.repeat(256)) }),
    'too-deep': encode({ info: inFolder(...Array<string>(65).fill('a')) }),
    twice: encode({ info: info({ files: ['a', 'a'].map((name) => ({ length: 5, path: [name] })) }) }),
    'no-hashes': encode({ info: info({ length: 100_000 }) }),
    'huge-pieces': encode({ info: info({ length: 10, 'piece length': 2 ** 40 }) }),
    'two-gib-string': Buffer.from('d4:info2147483648:x'),
    'long-number': Buffer.from(`d4:infoi${'9'.repeat(10_000)}ee`),
    'deep-lists': Buffer.from('l'.repeat(1_000_000)),
    'seventeen-mib': new Uint8Array(17 * MIB),
  };
  for (const [name, bytes] of Object.entries(bad)) {
    await writeFile(stage.path(`${name}.torrent`), bytes);
  }
  const torrents = Object.keys(bad).map((name) => stage.path(`${name}.torrent`));
  const get = stage.run('get', ...torrents, '-o', stage.path('out'), '--no-seed');
  const { code, stderr } = await get.ended();
  assert.equal(code, 1);
  const errors = get.jsonLines.filter(({ event }) => event === 'error');
  assert.deepEqual(
    errors.map((error) => error.code),
    [...torrents.map(() => 'NOT_A_TORRENT'), 'SOME_FAILED'],
    stderr,
  );
  for (const torrent of torrents) assert.ok(stderr.includes(`${torrent} is no torrent file that can be used: `));
  assert.deepEqual(await readdir(stage.path('out')).catch(() => []), []);
});

test('Links in the folder of a download are not followed', async (t) => {
  const stage = await Stage.open(t, cluster.network);
  await stage.write('linked/sub/file', 1 * MIB);
  await stage.write('single', 1 * MIB);
  await stage.share(stage.path('linked'), stage.path('single'));
  await stage.write('secret/sub/file', 10);
  await stage.write('precious', 1 * MIB);
  const before = await readFile(stage.path('precious'));
  await stage.write('out/other', 1);
  await symlink(stage.path('secret'), stage.path('out/linked'));
  await symlink(stage.path('precious'), stage.path('out/single'));
  for (const what of ['linked', 'single']) {
    const { code, stderr } = await stage.run('get', what, '-o', stage.path('out'), '--no-seed').ended();
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`out/${what} is a link, which is not followed; move it away`));
  }
  assert.equal((await stat(stage.path('secret/sub/file'))).size, 10);
  assert.deepEqual(await readFile(stage.path('precious')), before);
});

test('Many contents are shared by one command and got by one, more than are fetched at once', async (t) => {
  const stage = await Stage.open(t, testNetwork());
  const { clientPort } = cluster.instances[0];
  const names = Array.from({ length: 40 }, (_, i) => `many-${String(i).padStart(2, '0')}`);
  for (const name of names) await stage.write(name, 50_000);
  const tracker = ['--tracker', `127.0.0.1:${clientPort}`];
  const { shared } = await stage.share(...names.map((name) => stage.path(name)), ...tracker);
  const get = stage.run('get', ...shared.map(({ sha1 }) => sha1), '-o', stage.path('out'), '--no-seed', ...tracker);
  const { code, stdout, stderr } = await get.ended();
  assert.equal(code, 0, stdout + stderr);
  assert.equal(get.jsonLines.filter(({ event }) => event === 'done').length, names.length);
  for (const name of names) await stage.assertSame(name, `out/${name}`);
});
