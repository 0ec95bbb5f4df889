import assert from 'node:assert/strict';
import { stat, symlink } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { startCluster, type TestCluster } from '../harness/start-cluster.ts';
import { runSwarmkeeper } from '../harness/start-swarmkeeper.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { waitFor } from '../harness/wait-for.ts';
import { doneOf, Stage } from './stage.ts';

const MIB = 1024 * 1024;

let cluster: TestCluster;
before(async () => {
  cluster = await startCluster();
});
after(() => cluster[Symbol.asyncDispose]());

test('What is shared can be got by its name, its sha1, its magnet link and its torrent file', async (t) => {
  const stage = await Stage.open(t, cluster.network);
  await stage.write('big.iso', 5 * MIB + 1);
  const { shared } = await stage.share(stage.path('big.iso'));
  const [{ sha1, magnet, torrent, name, size }] = shared;
  assert.deepEqual([name, size], ['big.iso', 5 * MIB + 1]);
  const ways = { name: 'big.iso', beginning: 'big', sha1, magnet, torrent };
  await Promise.all(
    Object.entries(ways).map(async ([way, what]) => {
      const done = await stage.get(what, way);
      assert.deepEqual([done.sha1, done.bytes], [sha1, size], way);
      await stage.assertSame('big.iso', `${way}/big.iso`);
    }),
  );
});

test('A folder arrives with its subfolders and empty files; what is no file is left out', async (t) => {
  const stage = await Stage.open(t, cluster.network);
  await stage.write('photos/2026/one.jpg', 3 * MIB);
  await stage.write('photos/2026/11/two.jpg', 1);
  await stage.write('photos/2026/11/empty', 0);
  await stage.write('photos/read me', 100);
  await symlink('/etc/passwd', stage.path('photos/link'));
  await stage.share(stage.path('photos'));
  await stage.get('photos', 'out');
  await stage.assertSame('photos', 'out/photos');
  assert.equal((await stat(stage.path('out/photos/2026/11/empty'))).size, 0);
});

test('Several contents are shared by one command and got by one', async (t) => {
  const stage = await Stage.open(t, cluster.network);
  await stage.write('several-1', 2 * MIB);
  await stage.write('several-2', 0);
  await stage.write('several-3/file', 10);
  await stage.share(stage.path('several-1'), stage.path('several-2'), stage.path('several-3'));
  const get = stage.run('get', 'several-1', 'several-2', 'several-3', '-o', stage.path('out'), '--no-seed');
  const { code, stdout, stderr } = await get.ended();
  assert.equal(code, 0, stdout + stderr);
  assert.equal(get.jsonLines.filter(({ event }) => event === 'done').length, 3);
  for (const name of ['several-1', 'several-2', 'several-3']) await stage.assertSame(name, `out/${name}`);
});

test('Whoever got it shares it: the first seeder may leave, and others still get it', async (t) => {
  const stage = await Stage.open(t, cluster.network);
  await stage.write('handed-on', 4 * MIB);
  const first = await stage.share(stage.path('handed-on'));
  const second = stage.run('get', 'handed-on', '-o', stage.path('second'));
  await second.until('it is there', () => second.jsonLines.find(({ event }) => event === 'done'));
  first.process.kill('SIGINT');
  assert.equal((await first.process.ended()).code, 0);
  await stage.get('handed-on', 'third');
  await stage.assertSame('handed-on', 'third/handed-on');
  second.kill('SIGINT');
  assert.equal((await second.ended()).code, 0);
});

test('The cluster is told at once who shares, who is complete and who left', async (t) => {
  const stage = await Stage.open(t, cluster.network);
  await stage.write('told', 1 * MIB);
  const { process, shared } = await stage.share(stage.path('told'));
  const api = new TrackerApi({ clientPort: (await cluster.master()).clientPort });
  const look = async () => (await api.contents()).find(({ sha1 }) => sha1 === shared[0].sha1);
  const seen = await waitFor('the seeder in the list', look);
  assert.deepEqual([seen.name, seen.size, seen.seeders], ['told', 1 * MIB, 1]);
  await stage.get('told', 'out');
  await waitFor('a completed download', async () => (await look())?.completed === 1);
  // All of it is there: nothing is fetched, and no download counted.
  assert.equal((await stage.get('told', 'out')).fetched, 0);
  process.kill('SIGTERM');
  assert.equal((await process.ended()).code, 0);
  const last = await waitFor('nobody in the list', async () => {
    const content = await look();
    return content?.seeders === 0 ? content : undefined;
  });
  assert.deepEqual([last.leechers, last.completed], [0, 1]);
});

test('A get that comes before anybody shares waits, and starts when somebody does', async (t) => {
  const stage = await Stage.open(t, cluster.network);
  await stage.write('later', 1 * MIB);
  const sharing = await stage.share(stage.path('later'));
  sharing.process.kill('SIGINT');
  await sharing.process.ended();
  const get = stage.run('get', sharing.shared[0].sha1, '-o', stage.path('out'), '--no-seed');
  const api = new TrackerApi({ clientPort: (await cluster.master()).clientPort });
  await waitFor('somebody who waits', async () =>
    (await api.contents()).find(({ sha1, leechers }) => sha1 === sharing.shared[0].sha1 && leechers === 1),
  );
  await stage.share(stage.path('later'));
  doneOf(await get.ended());
  await stage.assertSame('later', 'out/later');
});

test('What cannot be shared or got ends with 1 and says why', async (t) => {
  const stage = await Stage.open(t, cluster.network);
  await stage.write('no.torrent', 100);
  await stage.write('one-name/x', 10);
  await stage.write('two/one-name', 20);
  await stage.share(stage.path('one-name'), stage.path('two/one-name'));
  const nobody = ['--group', '239.1.2.3:20001'];
  const cases: [args: string[], code: string, message: RegExp][] = [
    [['get', 'nothing-of-that-name'], 'NO_SUCH_CONTENT', /swarmkeeper contents/],
    [['get', 'one-name'], 'AMBIGUOUS_NAME', /give the sha1 of one/],
    [['get', stage.path('missing.torrent')], 'NO_SUCH_FILE', /cannot be read: ENOENT/],
    [['get', stage.path('no.torrent')], 'NOT_A_TORRENT', /is no torrent file/],
    [['get', 'magnet:?dn=x'], 'BAD_MAGNET', /no info-hash/],
    [['get', 'a'.repeat(40), ...nobody], 'NO_TRACKER', /no tracker answers in group 239\.1\.2\.3:20001.*--tracker/],
    [['share', stage.path('missing')], 'NOT_FOUND', /missing cannot be shared: there is no such file or folder/],
    [['share', stage.path('two'), '--torrents', stage.path('no.torrent')], 'UNWRITABLE', /--torrents/],
  ];
  await Promise.all(
    cases.map(async ([args, code, message]) => {
      const process = stage.run(args[0], ...args.slice(1));
      const ended = await process.ended();
      assert.equal(ended.code, 1, `${args}: ${ended.stdout}`);
      assert.match(ended.stderr, message);
      assert.equal(process.jsonLines.at(-1)?.code, code, ended.stdout);
    }),
  );
});

test('Wrong usage ends with 2 and says what was wrong', async () => {
  const cases: [args: string, message: RegExp][] = [
    ['share', /missing required argument 'path'/],
    ['get', /missing required argument 'content'/],
    ['get x --peer 1.2.3.4', /Give HOST:PORT/],
    ['get x --port 70000', /from 0 to 65535/],
    ['share x --private', /name a tracker with --announce URL/],
    ['share x --announce films', /Give the URL of a tracker/],
    ['get x --upload-rate 0', /Give a whole number of at least 1/],
  ];
  await Promise.all(
    cases.map(async ([args, message]) => {
      const { code, stderr } = await runSwarmkeeper(args.split(' '));
      assert.equal(code, 2, args);
      assert.match(stderr, message);
    }),
  );
});
