import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { test } from 'node:test';
import { waitFor } from '../../../test/harness/wait-for.ts';
import { formatMagnet } from '../../bittorrent/magnet.ts';
import {
  type ContentChanges,
  ContentChangesSchema,
  ContentSnapshotSchema,
  PeerChangesSchema,
  PeerSnapshotSchema,
  PIECE_HERE,
} from './peer-schemas.ts';
import { TestPeerApi } from './test-peer-api.ts';

const MIB = 1024 * 1024;

/** Shares a path; its sha1, when it is hashed. */
async function share(peer: TestPeerApi, path: string): Promise<string> {
  const { status, body } = await peer.ask('POST', '/shares', { path });
  assert.equal(status, 202, JSON.stringify(body));
  return await waitFor(`${path} to be shared`, async () => {
    const { shares } = (await peer.ask('GET', '/shares')).body;
    const found = shares.find(({ id }: { id: number }) => id === body.id);
    assert.notEqual(found.state, 'failed', JSON.stringify(found.error));
    return found.sha1;
  });
}

const at = ({ peer }: TestPeerApi) => ({ host: '127.0.0.1', port: peer.port });

test('A content that is fetched tells of itself: the list, its pieces and peers as they change, its files', async (t) => {
  const seeder = await TestPeerApi.start(t);
  await seeder.write('films/a/one.mkv', 3 * MIB);
  await seeder.write('films/two.mkv', 1000);
  await seeder.write('films/empty', 0);
  const sha1 = await share(seeder, seeder.path('films'));

  const leecher = await TestPeerApi.start(t, { downloadRate: 2 * MIB });
  const all = await leecher.listen(t, '/events');
  const name = 'films, they say';
  const added = await leecher.ask('POST', '/contents', { content: sha1, name, peers: [at(seeder)] });
  assert.equal(added.status, 201);
  assert.equal(added.body.name, name);
  const inside = await leecher.listen(t, `/contents/${sha1}/events`);
  await waitFor('the end', async () => (await leecher.ask('GET', `/contents/${sha1}`)).body.state === 'seeding');

  // Each stream has the shape that the schemas promise, and leads to what the API says.
  const [first, ...changes] = all;
  assert.equal(first.event, 'snapshot');
  assert.deepEqual(PeerSnapshotSchema.parse(first.data).contents, []);
  for (const { event, data } of changes) assert.ok(event === 'changes' && PeerChangesSchema.strict().parse(data));
  await waitFor('the last change', () =>
    all.some(({ data }) => (data as { contents?: { state: string }[] }).contents?.[0]?.state === 'seeding'),
  );
  const { pieceCount } = (await leecher.ask('GET', `/contents/${sha1}/pieces`)).body;
  const map = await waitFor('all pieces', () => {
    let known: Buffer | undefined;
    for (const { event, data } of inside) {
      if (event === 'snapshot') {
        const { pieces } = ContentSnapshotSchema.parse(data);
        known = pieces ? Buffer.from(pieces.map, 'base64') : undefined;
        continue;
      }
      const { runs = [] }: ContentChanges = ContentChangesSchema.strict().parse(data);
      for (const [from, bytes] of runs) known?.set(Buffer.from(bytes, 'base64'), from);
    }
    return known?.every((piece) => piece === PIECE_HERE) ? known : undefined;
  });
  assert.equal(map.length, pieceCount);
  const hadPeers = inside.some(({ data }) =>
    (data as ContentChanges).peers?.some(({ port }) => port === seeder.peer.port),
  );
  assert.ok(hadPeers);

  const files = await leecher.ask('GET', `/contents/${sha1}/files?limit=2`);
  assert.deepEqual(files.body, {
    files: [
      { path: 'films/a/one.mkv', size: 3 * MIB, bytesDone: 3 * MIB },
      { path: 'films/empty', size: 0, bytesDone: 0 },
    ],
    total: 3,
    next: 2,
  });
  const rest = await leecher.ask('GET', `/contents/${sha1}/files?after=2`);
  assert.deepEqual([rest.body.files.length, rest.body.next], [1, null]);

  assert.equal((await leecher.ask('DELETE', `/contents/${sha1}`)).status, 204);
  await waitFor(
    'the streams to say so',
    () =>
      inside.at(-1)?.event === 'removed' &&
      all.some(({ data }) => (data as { removedContents?: string[] }).removedContents?.includes(sha1)),
  );
});

test('What was received and sent is told second by second, and sums up', async (t) => {
  const seeder = await TestPeerApi.start(t);
  const sha1 = await share(seeder, await seeder.write('bytes', 2 * MIB));
  const leecher = await TestPeerApi.start(t);
  await leecher.ask('POST', '/contents', { content: sha1, peers: [at(seeder)] });
  const transfer = await waitFor('all to be counted', async () => {
    const { body } = await leecher.ask('GET', '/transfer');
    return body.downloaded === 2 * MIB ? body : undefined;
  });
  const received = transfer.samples.reduce((sum: number, [down]: [number, number]) => sum + down, 0);
  assert.equal(received, 2 * MIB);
  await waitFor('the other side', async () => (await seeder.ask('GET', '/transfer')).body.uploaded === 2 * MIB);
});

test('A torrent file that is uploaded is got; what is no torrent, or too large, is refused with a reason', async (t) => {
  const seeder = await TestPeerApi.start(t);
  const path = await seeder.write('one', 100_000);
  const { content, metainfo } = await seeder.peer.share(path);
  const leecher = await TestPeerApi.start(t);
  const added = await leecher.ask('POST', '/torrents?paused=true', new Uint8Array(metainfo), {
    'content-type': 'application/x-bittorrent',
  });
  assert.deepEqual(
    [added.status, added.body.sha1, added.body.size, added.body.state],
    [201, content.sha1, 100_000, 'paused'],
  );
  const wrong = await leecher.ask('POST', '/torrents', new TextEncoder().encode('<html>'));
  assert.deepEqual([wrong.status, wrong.body.error.code], [422, 'NOT_A_TORRENT']);
  const large = await leecher.ask('POST', '/torrents', new Uint8Array(16 * MIB + 1));
  assert.equal(large.status, 413);
  const relative = await leecher.ask('POST', '/torrents?folder=x', new Uint8Array(metainfo));
  assert.equal(relative.status, 400);
  const magnet = formatMagnet({ infoHash: content.infoHash, name: 'one', trackers: [], peers: [] });
  assert.equal((await leecher.ask('POST', '/contents', { content: magnet })).body.sha1, content.sha1);
});

test('An upload is received, hashed and shared; a second one of its name gets a number', async (t) => {
  const peer = await TestPeerApi.start(t);
  const bytes = new Uint8Array(300_000).fill(7);
  const name = 'a <b>film<b> שלום.mkv';
  const sent = await peer.ask('POST', `/uploads?name=${encodeURIComponent(name)}`, bytes);
  assert.deepEqual(
    [sent.status, sent.body.path, sent.body.bytesReceived],
    [202, peer.path('uploads', name), bytes.length],
  );
  assert.deepEqual(new Uint8Array(await readFile(peer.path('uploads', name))), bytes);
  await waitFor('it to be shared', async () => {
    const { contents } = (await peer.ask('GET', '/contents')).body;
    return contents.some((each: { name: string; state: string }) => each.name === name && each.state === 'seeding');
  });
  const again = await peer.ask('POST', `/uploads?name=${encodeURIComponent(name)}`, bytes);
  assert.equal(again.body.path, peer.path('uploads', name.replace('.mkv', ' (2).mkv')));
  const outside = await peer.ask('POST', `/uploads?name=${encodeURIComponent('../x')}`, bytes);
  assert.deepEqual([outside.status, outside.body.error.code], [400, 'BAD_NAME']);
});

test('An upload that breaks off leaves nothing behind, and is told of as failed', async (t) => {
  const peer = await TestPeerApi.start(t);
  const sending = request(`${peer.url}/uploads?name=half`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(MIB) },
  });
  sending.on('error', () => {});
  sending.write(new Uint8Array(100_000));
  const shareOf = async () => (await peer.ask('GET', '/shares')).body.shares[0];
  await waitFor('some bytes', async () => (await shareOf())?.bytesReceived === 100_000);
  sending.destroy();
  const { error } = await waitFor('its end', async () => {
    const share = await shareOf();
    return share.state === 'failed' ? share : undefined;
  });
  assert.equal(error.code, 'INCOMPLETE');
  const { id } = await shareOf();
  assert.equal((await peer.ask('DELETE', `/shares/${id}`)).status, 204);
  assert.equal((await peer.ask('DELETE', `/shares/${id}`)).status, 404);
});

test('An upload can be called off', async (t) => {
  const peer = await TestPeerApi.start(t);
  const sending = request(`${peer.url}/uploads?name=half`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(MIB) },
  });
  let isClosed = false;
  sending.on('error', () => {}).on('response', (response) => response.resume());
  sending.once('close', () => {
    isClosed = true;
  });
  sending.write(new Uint8Array(1000));
  const { id } = await waitFor('it to begin', async () => (await peer.ask('GET', '/shares')).body.shares[0]);
  assert.equal((await peer.ask('DELETE', `/shares/${id}`)).status, 204);
  await waitFor('the connection to be closed', () => isClosed);
  assert.deepEqual((await peer.ask('GET', '/shares')).body.shares, []);
});

test('With a folder to share from pages see what is in it, and nothing else can be shared', async (t) => {
  const first = await TestPeerApi.start(t);
  await first.write('allowed/films/one.mkv', 1000);
  const outside = await first.write('secret', 1000);
  const peer = await TestPeerApi.start(t, { shareFolder: first.path('allowed') });
  const { body } = await peer.ask('GET', '/folder?path=films');
  assert.deepEqual([body.entries[0].name, body.entries[0].size, body.isComplete], ['one.mkv', 1000, true]);
  assert.equal((await peer.ask('GET', '/folder?path=../')).status, 404);
  assert.equal((await peer.ask('POST', '/shares', { entry: 'films/one.mkv' })).status, 202);
  assert.equal((await peer.ask('POST', '/shares', { path: first.path('allowed', 'films') })).status, 202);
  const refused = await peer.ask('POST', '/shares', { path: outside });
  assert.deepEqual([refused.status, refused.body.error.code], [403, 'NOT_ALLOWED']);
  assert.equal((await peer.ask('POST', '/shares', { entry: '../secret' })).status, 404);
  const none = await first.ask('GET', '/folder');
  assert.deepEqual([none.status, none.body.error.code], [403, 'NOT_ALLOWED']);
});

test('Limits are changed while it runs', async (t) => {
  const peer = await TestPeerApi.start(t, { uploadRate: MIB });
  assert.deepEqual((await peer.ask('GET', '/peer')).body.rates, { upload: MIB, download: null });
  assert.deepEqual((await peer.ask('PUT', '/rates', { download: 5 * MIB, upload: null })).body, {
    upload: null,
    download: 5 * MIB,
  });
  assert.equal((await peer.ask('PUT', '/rates', { download: 1 })).status, 400);
});

test('Nobody but this machine under its own name is answered, on any path', async (t) => {
  const peer = await TestPeerApi.start(t);
  for (const path of ['/peer', '/folder', '/events', '/cluster/contents', '/transfer']) {
    const rebound = await new Promise<number | undefined>((resolve, reject) => {
      const asking = request(peer.url + path, { headers: { host: 'films.example:7070' } }, ({ statusCode }) => {
        resolve(statusCode);
        asking.destroy();
      });
      asking.on('error', reject).end();
    });
    assert.equal(rebound, 403, path);
    assert.equal((await peer.ask('GET', path, undefined, { origin: 'http://films.example' })).status, 403, path);
  }
  const upload = await peer.ask('POST', '/uploads?name=x', new Uint8Array(1), { origin: 'null' });
  assert.equal(upload.status, 403);
});

test('Without a tracker the list of the cluster is not there, and the answer says what to do', async (t) => {
  const peer = await TestPeerApi.start(t);
  assert.equal((await peer.ask('GET', '/peer')).body.tracker, null);
  const { status, body } = await peer.ask('GET', '/cluster/contents?search=x');
  assert.deepEqual([status, body.error.code], [503, 'NO_TRACKER']);
  assert.equal((await peer.ask('GET', '/cluster/contents?sort=colour')).status, 400);
});
