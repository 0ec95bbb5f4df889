import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { waitFor } from '../harness/wait-for.ts';
import { missingForLan } from '../network/lan.ts';
import { aria2 } from './aria2.ts';
import { type Content, file, writeContent } from './contents.ts';
import { libtorrent, startLibtorrent } from './libtorrent.ts';
import type { OtherProgram } from './other-client.ts';
import { assertSame, completes, told } from './outcome.ts';
import { Place, type Protocol } from './place.ts';
import { get, leave, PATIENCE_MS, share } from './swarmkeeper.ts';
import { makeTorrents } from './torrents.ts';
import { transmission } from './transmission.ts';

const KIB = 1024;
const PROGRAMS: readonly OtherProgram[] = [aria2, transmission, libtorrent];
/** Slow enough that connections can be looked at. */
const SLOW_BYTES = 400 * KIB;
const SLOW_RATE = 100 * KIB;

describe('On the wire', { skip: missingForLan(), concurrency: 5 }, () => {
  let place: Place;
  before(async () => {
    place = await Place.open();
  });
  after(() => place?.[Symbol.asyncDispose]());

  test('libtorrent as it comes tries uTP and encryption, and gets on with plain TCP and the fast extension', {
    skip: libtorrent.missing(),
  }, async (t) => {
    const room = await place.room();
    const path = await writeContent(join(room, 'shared'), file('as it comes', SLOW_BYTES));
    const rate = ['--upload-rate', String(SLOW_RATE / KIB)];
    const sharing = await share(t, place, 'a', [path], '--announce', place.announceUrl('udp'), ...rate);
    const [{ sha1, torrent }] = sharing.shared;
    const client = await startLibtorrent(await place.seat(t, 'b'), { utp: true }, { peer_log: true });
    const folder = join(room, 'fetched');
    const startedMs = performance.now();
    await client.add({ sha1, source: { torrent }, folder });
    const peer = await client.process.until(
      'it is connected to the share',
      async () =>
        (await client.peers(sha1)).find(({ host, flags }) => host === place.address('a') && flags.includes('seed')),
      PATIENCE_MS,
    );
    t.diagnostic(`connected after ${((performance.now() - startedMs) / 1_000).toFixed(1)} s`);
    assert.equal(peer.utp, false);
    assert.ok(peer.flags.includes('upload_only'), String(peer.flags));
    assert.ok(!peer.flags.includes('rc4_encrypted'), String(peer.flags));
    await completes(client, [{ sha1 }]);
    await assertSame(join(room, 'shared'), folder);
    for (const message of ['HAVE_ALL', 'ALLOWED_FAST', 'EXTENDED_HANDSHAKE']) {
      assert.ok(
        client.wire.some((line) => line.includes(message)),
        `${message} in:\n${client.wire.join('\n')}`,
      );
    }
    await leave(sharing.process);
  });

  for (const program of PROGRAMS) {
    const title = `${program.name} that insists on encryption does not get on with a share, which goes on with others`;
    test(title, { skip: program.missing() }, async (t) => {
      const room = await place.room();
      const path = await writeContent(join(room, 'shared'), file(`unencrypted ${program.name}`, SLOW_BYTES));
      const sharing = await share(t, place, 'a', [path], '--announce', place.announceUrl('http'));
      const [{ sha1, torrent }] = sharing.shared;
      const client = await program.start(await place.seat(t, 'c'), { insistsOnEncryption: true });
      await client.add({ sha1, source: { torrent }, folder: join(room, 'never') });
      await told(place, [{ sha1 }], { seeders: 1, leechers: 1, completed: 0 });
      const getting = get(t, place, 'd', join(room, 'got'), [torrent], '--no-seed', ...place.noCluster);
      await getting.done();
      await assertSame(join(room, 'shared'), join(room, 'got'));
      assert.equal(await client.isComplete(sha1), false);
      await leave(sharing.process);
    });
  }

  for (const isPrivate of [false, true]) {
    const what = isPrivate ? 'tell nobody of a private torrent' : 'tell each other of their peers';
    test(`Our peers and libtorrent ${what} by PEX`, { skip: libtorrent.missing() }, async (t) => {
      // The seeder, a get that knows it, libtorrent that knows the get, and a get that knows libtorrent.
      const room = await place.room();
      const content: Content = file(`by hearsay ${isPrivate}`, 3 * 1024 * KIB);
      const made = await makeTorrents([await writeContent(join(room, 'shared'), content)], {
        folder: room,
        trackers: [],
        isPrivate,
      });
      const [{ sha1, torrent }] = made;
      const seat = await place.seat(t, 'a');
      const seeder = await startLibtorrent(seat, { uploadRate: 256 * KIB });
      await seeder.add({ sha1, source: { torrent }, folder: join(room, 'shared') });
      await completes(seeder, made);
      const knows = (host: string, port: number) => ['--peer', `${host}:${port}`, ...place.noCluster];
      const { port } = await place.seat(t, 'b');
      const first = get(t, place, 'b', join(room, 'b'), [torrent], '--port', `${port}`, ...knows(seat.host, seat.port));
      await first.connects(1);
      const middleSeat = await place.seat(t, 'c');
      const middle = await startLibtorrent(middleSeat);
      await middle.add({ sha1, source: { torrent }, folder: join(room, 'c') });
      await middle.connect(sha1, place.address('b'), port);
      const heard = async () => (await middle.peers(sha1)).filter(({ sources }) => sources.includes('pex'));
      if (!isPrivate)
        await waitFor('libtorrent to hear of the seeder', async () => (await heard()).length > 0, PATIENCE_MS);
      const slowly = ['--download-rate', '400'];
      const last = get(
        t,
        place,
        'd',
        join(room, 'd'),
        [torrent],
        ...slowly,
        ...knows(middleSeat.host, middleSeat.port),
      );
      if (!isPrivate) await last.connects(2);
      await Promise.all([first.done(), last.done(), completes(middle, made)]);
      if (isPrivate) {
        assert.deepEqual(await heard(), []);
        assert.ok(last.mostPeers <= 1, `it was connected to ${last.mostPeers}`);
      }
      for (const each of ['b', 'c', 'd']) await assertSame(join(room, 'shared'), join(room, each));
    });
  }

  for (const protocol of ['udp', 'http'] as const satisfies readonly Protocol[]) {
    const by = protocol.toUpperCase();
    test(`Peers that ask by multicast and libtorrent that asks the tracker by ${by} find each other`, {
      skip: libtorrent.missing(),
    }, async (t) => {
      const room = await place.room();
      const ours = await writeContent(join(room, 'ours'), file(`ours ${by}`, SLOW_BYTES));
      const theirs = await writeContent(join(room, 'theirs'), file(`theirs ${by}`, SLOW_BYTES));
      // The torrent of the share names no tracker, and the get is given a sha1 only.
      const sharing = await share(t, place, 'e', [ours]);
      const [shared] = sharing.shared;
      const trackers = [place.announceUrl(protocol)];
      const [made] = await makeTorrents([theirs], { folder: room, trackers });
      const client = await libtorrent.start(await place.seat(t, 'f'));
      await client.add({ sha1: made.sha1, source: { torrent: made.torrent }, folder: join(room, 'theirs') });
      const magnet = `${shared.magnet}&tr=${encodeURIComponent(trackers[0])}`;
      await client.add({ sha1: shared.sha1, source: { magnet }, folder: join(room, 'fetched') });
      const getting = get(t, place, 'd', join(room, 'got'), [made.sha1]);
      await Promise.all([getting.done(), completes(client, [shared])]);
      await assertSame(join(room, 'ours'), join(room, 'fetched'));
      await assertSame(join(room, 'theirs'), join(room, 'got'));
      await told(place, [made, shared], { seeders: 2, leechers: 0, completed: 1 });
      for (const { process } of [sharing, getting]) await leave(process);
    });
  }
});
