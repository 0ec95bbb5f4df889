import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { missingForLan } from '../network/lan.ts';
import { aria2 } from './aria2.ts';
import { CONTENTS, writeContent } from './contents.ts';
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
        const paths = await Promise.all(CONTENTS.map((content) => writeContent(join(room, 'shared'), content)));
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
        const paths = await Promise.all(CONTENTS.map((content) => writeContent(folder, content)));
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
});
