import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { missingForLan } from '../network/lan.ts';
import { aria2 } from './aria2.ts';
import { newContents, writeContent } from './contents.ts';
import { libtorrent } from './libtorrent.ts';
import type { OtherProgram } from './other-client.ts';
import { assertSame, completes, told } from './outcome.ts';
import { Place, type Protocol } from './place.ts';
import { get, leave, share } from './swarmkeeper.ts';
import { makeTorrents } from './torrents.ts';
import { transmission } from './transmission.ts';

const PROGRAMS: readonly OtherProgram[] = [aria2, transmission, libtorrent];
/** Tests at a time: they mostly wait for the timers of clients. */
const CONCURRENCY = 6;

/** How the leecher learns of the contents, and both ask the tracker. */
interface Way {
  readonly name: string;
  readonly by: 'torrent' | 'magnet';
  readonly protocol: Protocol;
}

const WAYS: readonly Way[] = [
  { name: 'torrent files and a UDP tracker', by: 'torrent', protocol: 'udp' },
  { name: 'magnet links and an HTTP tracker', by: 'magnet', protocol: 'http' },
];

describe('files and folders of all shapes', { skip: missingForLan(), concurrency: CONCURRENCY }, () => {
  let place: Place;
  before(async () => {
    place = await Place.open();
  });
  after(() => place?.[Symbol.asyncDispose]());

  for (const program of PROGRAMS) {
    for (const way of WAYS) {
      test(`${program.name} fetches them from a share, by ${way.name}`, { skip: program.missing() }, async (t) => {
        const room = await place.room();
        const paths = await Promise.all(newContents().map((content) => writeContent(join(room, 'shared'), content)));
        const sharing = await share(t, place, 'a', paths, '--announce', place.announceUrl(way.protocol));
        const client = await program.start(await place.seat(t, 'b'));
        const folder = join(room, 'fetched');
        for (const { sha1, torrent, magnet } of sharing.shared) {
          await client.add({ sha1, source: way.by === 'torrent' ? { torrent } : { magnet }, folder });
        }
        await completes(client, sharing.shared);
        await assertSame(join(room, 'shared'), folder, program);
        await told(place, sharing.shared, { seeders: 2, leechers: 0, completed: 1 });
        await leave(sharing.process);
      });

      test(`a get fetches them from ${program.name}, by ${way.name}`, {
        skip: program.missing() || libtorrent.missing(),
      }, async (t) => {
        const room = await place.room();
        const folder = join(room, 'shared');
        const client = await program.start(await place.seat(t, 'c'));
        const paths = await Promise.all(newContents().map((content) => writeContent(folder, content)));
        const trackers = [place.announceUrl(way.protocol)];
        const torrents = await makeTorrents(paths, { folder: room, trackers });
        for (const { sha1, torrent } of torrents) await client.add({ sha1, source: { torrent }, folder });
        await completes(client, torrents);
        await told(place, torrents, { seeders: 1, leechers: 0, completed: 0 });
        const target = join(room, 'got');
        const what = torrents.map((each) => each[way.by]);
        const getting = get(t, place, 'd', target, what, ...place.noCluster);
        await getting.done();
        await assertSame(folder, target, { ownFiles: program.ownFiles });
        await told(place, torrents, { seeders: 2, leechers: 0, completed: 1 });
        await leave(getting.process);
      });
    }
  }

  for (const program of PROGRAMS) {
    test(`${program.name} waits, and a share that comes later finds it`, { skip: program.missing() }, async (t) => {
      const room = await place.room();
      const paths = await Promise.all(newContents().map((content) => writeContent(join(room, 'shared'), content)));
      const url = ['--announce', place.announceUrl('udp')];
      const first = await share(t, place, 'a', paths, ...url);
      await leave(first.process);
      const client = await program.start(await place.seat(t, 'b'));
      const folder = join(room, 'fetched');
      for (const { sha1, torrent } of first.shared) await client.add({ sha1, source: { torrent }, folder });
      await told(place, first.shared, { seeders: 0, leechers: 1, completed: 0 });
      // It will ask the tracker again in half an hour.
      const second = await share(t, place, 'a', paths, ...url);
      await completes(client, first.shared);
      await assertSame(join(room, 'shared'), folder, program);
      await leave(second.process);
    });
  }

  test('aria2, with magnet links, learns what they are from a get that has nothing of them yet', {
    skip: aria2.missing(),
  }, async (t) => {
    const room = await place.room();
    const paths = await Promise.all(
      newContents()
        .filter(({ name }) => name !== 'large.bin')
        .map((content) => writeContent(join(room, 'shared'), content)),
    );
    const url = ['--announce', place.announceUrl('http')];
    const torrents = ['--torrents', join(room, 'torrents')];
    const first = await share(t, place, 'a', paths, ...url, ...torrents);
    await leave(first.process);
    const files = first.shared.map(({ torrent }) => torrent);
    const getting = get(t, place, 'e', join(room, 'got'), files);
    await told(place, first.shared, { seeders: 0, leechers: 1, completed: 0 });
    const client = await aria2.start(await place.seat(t, 'f'));
    const folder = join(room, 'fetched');
    for (const { sha1, magnet } of first.shared) await client.add({ sha1, source: { magnet }, folder });
    await told(place, first.shared, { seeders: 0, leechers: 2, completed: 0 });
    const second = await share(t, place, 'a', paths, ...url, ...torrents);
    await completes(client, first.shared);
    await assertSame(join(room, 'shared'), folder, aria2);
    await getting.done();
    await assertSame(join(room, 'shared'), join(room, 'got'));
    await told(place, first.shared, { seeders: 3, leechers: 0, completed: 2 });
    await leave(second.process);
  });
});
