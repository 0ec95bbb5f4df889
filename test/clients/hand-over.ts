import assert from 'node:assert/strict';
import type { Client } from './client.ts';
import type { Role, Stage } from './stage.ts';
import type { Torrent } from './torrent.ts';

/**
 * From one that has the file to one that has nothing, with all that the tracker is told of it on the way.
 * @param first who is there when the other one comes and is told of it
 */
export async function handOver(
  stage: Stage,
  torrent: Torrent,
  seeder: Client,
  leecher: Client,
  first: Role,
): Promise<void> {
  if (first === 'seeder') {
    await seeder.seed(torrent);
    await stage.shows(torrent, { seeders: 1, leechers: 0, completed: 0, peers: [shown(seeder, 0)] });
    await leecher.fetch(torrent);
  } else {
    await leecher.fetch(torrent);
    const peers = [shown(leecher, torrent.content.length)];
    await stage.shows(torrent, { seeders: 0, leechers: 1, completed: 0, peers });
    await seeder.seed(torrent);
  }
  const fetched = await leecher.fetched(torrent);
  assert.ok(Buffer.from(torrent.content).equals(fetched), 'the fetched file is another one');
  const peers = [shown(seeder, 0), shown(leecher, 0)];
  await stage.shows(torrent, { seeders: 2, leechers: 0, completed: 1, peers });

  await Promise.all([seeder.stop(), leecher.stop()]);
  await stage.shows(torrent, { seeders: 0, leechers: 0, completed: 1, peers: [] });
}

/** A client as the tracker shows it. */
export function shown({ host, port }: Client, left: number) {
  return { host, port, left };
}
