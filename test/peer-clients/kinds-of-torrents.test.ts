import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parseInfoHash } from '../../src/bittorrent/info-hash.ts';
import { missingForLan } from '../network/lan.ts';
import { aria2 } from './aria2.ts';
import { type Content, newContents, PIECE_BYTES, writeContent } from './contents.ts';
import { libtorrent } from './libtorrent.ts';
import type { OtherProgram } from './other-client.ts';
import { assertSame, completes, told } from './outcome.ts';
import { Place } from './place.ts';
import { get, leave, share } from './swarmkeeper.ts';
import { makeTorrents, writeTorrents } from './torrents.ts';
import { transmission } from './transmission.ts';

const PROGRAMS: readonly OtherProgram[] = [aria2, transmission, libtorrent];
const FOLDER: Content = {
  name: 'gaps',
  files: { 'a.bin': PIECE_BYTES + 1, 'b/empty': 0, 'b/one byte': 1, 'c.bin': 2 * PIECE_BYTES, 'd.bin': 100_000 },
};
/** Pad files are files like any other to who does not know BEP 47. */
const PAD = /^(?:.*\/)?\.pad\//;
const missing = missingForLan() || libtorrent.missing();

describe('Torrents of libtorrent', { skip: missing, concurrency: 4 }, () => {
  let place: Place;
  before(async () => {
    place = await Place.open();
  });
  after(() => place?.[Symbol.asyncDispose]());

  for (const format of ['padded', 'hybrid'] as const) {
    const programs = PROGRAMS.filter(({ readsHybrids }) => format !== 'hybrid' || readsHybrids);
    const title = `that are ${format} come from libtorrent to a get, and from there to all others`;
    const skip = programs.map((program) => program.missing()).find((each) => each !== false);
    test(title, { skip }, async (t) => {
      const room = await place.room();
      const shared = join(room, 'shared');
      const contents = [FOLDER, ...newContents().filter(({ name }) => name !== 'large.bin')];
      const paths = await Promise.all(contents.map((content) => writeContent(shared, content)));
      const made = await makeTorrents(paths, { folder: room, trackers: [place.announceUrl('udp')], format });
      const seeder = await libtorrent.start(await place.seat(t, 'a'));
      for (const { sha1, torrent } of made) await seeder.add({ sha1, source: { torrent }, folder: shared });
      await completes(seeder, made);
      const folder = join(room, 'got');
      const what = made.map(({ torrent, magnet }, i) => (i % 2 === 0 ? torrent : magnet));
      const getting = get(t, place, 'b', folder, what, ...place.noCluster);
      await getting.done();
      await assertSame(shared, folder);
      await seeder.process[Symbol.asyncDispose]();
      await Promise.all(
        programs.map(async (program, i) => {
          const client = await program.start(await place.seat(t, (['c', 'd', 'e'] as const)[i]));
          const target = join(room, program.name);
          for (const { sha1, torrent } of made) await client.add({ sha1, source: { torrent }, folder: target });
          await completes(client, made);
          const { makesEmptyFiles, ownFiles } = program;
          const left = new RegExp([PAD, ownFiles].flatMap((each) => each?.source ?? []).join('|'));
          await assertSame(shared, target, { makesEmptyFiles, ownFiles: left });
        }),
      );
      await leave(getting.process);
    });
  }

  test('that are of version 2 only are refused, and it says why', async (t) => {
    const room = await place.room();
    const path = await writeContent(room, FOLDER);
    const [torrent] = await writeTorrents([path], { folder: room, trackers: [], format: 'v2' });
    const { process } = get(t, place, 'b', join(room, 'got'), [torrent]);
    const { code, stderr } = await process.ended();
    assert.equal(code, 1);
    assert.match(stderr, /is of version 2 only; version 1 and hybrids are read/);
  });

  test('that are private are told to their tracker alone, in both directions', async (t) => {
    const room = await place.room();
    const content: Content = { name: 'secret', files: { '': 1_000_000 } };
    const theirs = join(room, 'theirs');
    const trackers = [place.announceUrl('http')];
    const [made] = await makeTorrents([await writeContent(theirs, content)], {
      folder: room,
      trackers,
      isPrivate: true,
    });
    const ours = await writeContent(join(room, 'ours'), content);
    const sharing = await share(t, place, 'a', [ours], '--private', '--announce', trackers[0]);
    const [shared] = sharing.shared;
    const client = await libtorrent.start(await place.seat(t, 'b'));
    await client.add({ sha1: made.sha1, source: { torrent: made.torrent }, folder: theirs });
    await client.add({ sha1: shared.sha1, source: { torrent: shared.torrent }, folder: join(room, 'fetched') });
    const getting = get(t, place, 'c', join(room, 'got'), [made.torrent]);
    await getting.done();
    await completes(client, [shared]);
    await assertSame(join(room, 'ours'), join(room, 'fetched'));
    await assertSame(theirs, join(room, 'got'));
    await told(place, [made, shared], { seeders: 2, leechers: 0, completed: 1 });
    for (const { sha1 } of [made, shared]) {
      // The cluster is told names, other trackers are not.
      const { name } = (await place.api.content(parseInfoHash(sha1)))!;
      assert.equal(name, null);
    }
    for (const { process } of [sharing, getting]) await leave(process);
  });
});
