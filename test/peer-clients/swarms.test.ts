import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { missingForLan } from '../network/lan.ts';
import { aria2 } from './aria2.ts';
import { BLOCK_BYTES, type Content, PIECE_BYTES, writeContent } from './contents.ts';
import { libtorrent } from './libtorrent.ts';
import type { OtherProgram } from './other-client.ts';
import { assertSame, completes, told } from './outcome.ts';
import { Place } from './place.ts';
import { get, leave, share } from './swarmkeeper.ts';
import { makeTorrents } from './torrents.ts';
import { transmission } from './transmission.ts';

const MIB = 1024 * 1024;
const PROGRAMS: readonly OtherProgram[] = [aria2, transmission, libtorrent];
/** Bytes a second of a seeder: a swarm whose seeder could send to all at once would never exchange anything. */
const SEEDER_RATE = 2 * MIB;
const CONTENT: Content = {
  name: 'shared by many',
  files: { 'large.bin': 6 * MIB + 1, 'a/block over.bin': PIECE_BYTES + BLOCK_BYTES, 'a/empty': 0, 'ü/one byte': 1 },
};
const missing = missingForLan() || PROGRAMS.map((program) => program.missing()).find((each) => each !== false);

describe('A swarm of ours and of all others', { skip: missing, concurrency: 4 }, () => {
  let place: Place;
  before(async () => {
    place = await Place.open();
  });
  after(() => place?.[Symbol.asyncDispose]());

  test('is complete from one share, and the tracker counts five downloads', async (t) => {
    const room = await place.room();
    const path = await writeContent(join(room, 'shared'), CONTENT);
    const rate = ['--upload-rate', String(SEEDER_RATE / 1024)];
    const sharing = await share(t, place, 'a', [path], '--announce', place.announceUrl('udp'), ...rate);
    const [{ sha1, torrent }] = sharing.shared;
    const clients = await Promise.all(
      PROGRAMS.map(async (program, i) => {
        const client = await program.start(await place.seat(t, (['d', 'e', 'f'] as const)[i]));
        const folder = join(room, program.name);
        await client.add({ sha1, source: { torrent }, folder });
        return { program, client, folder };
      }),
    );
    const gets = (['b', 'c'] as const).map((host) => {
      const folder = join(room, host);
      // By the name in the list of contents: the cluster alone tells of peers.
      return { folder, getting: get(t, place, host, folder, [CONTENT.name]) };
    });
    await Promise.all([
      ...clients.map(async ({ program, client, folder }) => {
        await completes(client, [{ sha1 }]);
        await assertSame(join(room, 'shared'), folder, program);
      }),
      ...gets.map(async ({ getting, folder }) => {
        await getting.done();
        await assertSame(join(room, 'shared'), folder);
      }),
    ]);
    await told(place, sharing.shared, { seeders: 6, leechers: 0, completed: 5 });
    for (const { process } of [sharing, ...gets.map(({ getting }) => getting)]) await leave(process);
  });

  for (const seeder of PROGRAMS) {
    const others = PROGRAMS.filter((program) => program !== seeder);
    test(`is complete from ${seeder.name}, and the tracker counts four downloads`, async (t) => {
      const room = await place.room();
      const path = await writeContent(join(room, 'shared'), CONTENT);
      const made = await makeTorrents([path], { folder: room, trackers: [place.announceUrl('http')] });
      const [{ sha1, torrent, magnet }] = made;
      const first = await seeder.start(await place.seat(t, 'a'), { uploadRate: SEEDER_RATE });
      await first.add({ sha1, source: { torrent }, folder: join(room, 'shared') });
      await completes(first, made);
      const clients = await Promise.all(
        others.map(async (program, i) => {
          const client = await program.start(await place.seat(t, (['d', 'e'] as const)[i]));
          const folder = join(room, program.name);
          await client.add({ sha1, source: { torrent }, folder });
          return { program, client, folder };
        }),
      );
      const gets = ([torrent, magnet] as const).map((what, i) => {
        const folder = join(room, String(i));
        return { folder, getting: get(t, place, (['b', 'c'] as const)[i], folder, [what], ...place.noCluster) };
      });
      await Promise.all([
        ...clients.map(async ({ program, client, folder }) => {
          await completes(client, made);
          await assertSame(join(room, 'shared'), folder, program);
        }),
        ...gets.map(async ({ getting, folder }) => {
          await getting.done();
          await assertSame(join(room, 'shared'), folder, { ownFiles: seeder.ownFiles });
        }),
      ]);
      await told(place, made, { seeders: 5, leechers: 0, completed: 4 });
      for (const { getting } of gets) await leave(getting.process);
    });
  }
});
