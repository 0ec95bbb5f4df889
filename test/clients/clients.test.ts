import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { EVENT_COMPLETED, EVENT_NONE, EVENT_STARTED } from '../../src/bittorrent/bep15.ts';
import { UdpClient } from '../harness/udp-client.ts';
import { waitFor } from '../harness/wait-for.ts';
import { aria2 } from './aria2.ts';
import type { ClientProgram, Transport } from './client.ts';
import { handOver, shown } from './hand-over.ts';
import { libtorrent } from './libtorrent.ts';
import { enterPrivateNetwork, TRACKER_HOST } from './private-network.ts';
import { Stage } from './stage.ts';
import { Torrent } from './torrent.ts';
import { transmission } from './transmission.ts';

const PROGRAMS: readonly ClientProgram[] = [aria2, transmission, libtorrent];
const TRANSPORTS: readonly Transport[] = [
  { protocol: 'udp', family: 4 },
  { protocol: 'http', family: 4 },
  { protocol: 'udp', family: 6 },
  { protocol: 'http', family: 6 },
];
/** Tests at a time. They mostly wait for clients, which mostly wait for their own timers. */
const CONCURRENCY = 12;
/** Asked of clients that are to announce again. */
const INTERVAL_MS = 4_000;

const skip = enterPrivateNetwork();

describe('real clients that know of each other by the tracker alone', { skip, concurrency: CONCURRENCY }, () => {
  const stage = setStage();

  for (const transport of TRANSPORTS) {
    for (const from of PROGRAMS) {
      for (const to of PROGRAMS) {
        if (from.cannot(transport) || to.cannot(transport)) continue;
        if (from.ignoresPeers(transport) && to.ignoresPeers(transport)) continue;
        const title = `${to.name} fetches a file from ${from.name}, both announcing by ${nameOf(transport)}`;
        test(title, { skip: from.missing() || to.missing() }, async (t) => {
          const seeder = await stage().client(t, from, 'seeder', transport);
          const leecher = await stage().client(t, to, 'leecher', transport);
          await handOver(stage(), new Torrent(), seeder, leecher, to.ignoresPeers(transport) ? 'leecher' : 'seeder');
        });
      }
    }
  }

  for (const family of [4, 6] as const) {
    const title = `a client that announces by HTTP fetches from one that announces by UDP, over IPv${family}`;
    test(title, { skip: libtorrent.missing() || aria2.missing() }, async (t) => {
      const seeder = await stage().client(t, libtorrent, 'seeder', { protocol: 'udp', family });
      const leecher = await stage().client(t, aria2, 'leecher', { protocol: 'http', family });
      await handOver(stage(), new Torrent(), seeder, leecher, 'seeder');
    });
  }
});

describe('a real client', { skip, concurrency: CONCURRENCY }, () => {
  const stage = setStage('--interval', String(INTERVAL_MS / 1_000));

  for (const transport of TRANSPORTS) {
    for (const program of PROGRAMS) {
      const title = `${program.name} is shown as a leecher, announces again and leaves, by ${nameOf(transport)}`;
      test(title, { skip: whyNot(program, transport) }, async (t) => {
        const torrent = new Torrent();
        const leecher = await stage().client(t, program, 'leecher', transport);
        await leecher.fetch(torrent);
        const peers = [shown(leecher, torrent.content.length)];
        await stage().shows(torrent, { seeders: 0, leechers: 1, completed: 0, peers });

        const first = (await stage().lastSeen(torrent))!;
        const shownAt = performance.now();
        await waitFor('half an interval to pass', () => performance.now() - shownAt > INTERVAL_MS / 2);
        leecher.announceAgain();
        await waitFor(`${program.name} to announce again`, async () => {
          const lastSeen = await stage().lastSeen(torrent);
          return lastSeen !== undefined && lastSeen - first > INTERVAL_MS / 4;
        });

        await leecher.stop();
        await stage().shows(torrent, { seeders: 0, leechers: 0, completed: 0, peers: [] });
      });
    }
  }
});

describe('a scrape', { skip, concurrency: CONCURRENCY }, () => {
  const stage = setStage();

  for (const transport of TRANSPORTS) {
    for (const program of PROGRAMS) {
      if (!program.scrapes(transport)) continue;
      const title = `by ${program.name} tells who seeds, who leeches and how many completed, by ${nameOf(transport)}`;
      test(title, { skip: program.missing() }, async (t) => {
        const torrent = new Torrent();
        await addSeeders(stage(), torrent, { completed: 2, others: 1 });
        const leecher = await stage().client(t, program, 'leecher', transport);
        await leecher.fetch(torrent);
        await stage().counts(torrent, { seeders: 3, leechers: 1, completed: 2 });
        assert.deepEqual(await leecher.scrape(), { seeders: 3, leechers: 1, completed: 2 });
      });
    }
  }
});

/** Peers of the swarm that say what they have and do no more. */
async function addSeeders(
  stage: Stage,
  torrent: Torrent,
  seeders: { completed: number; others: number },
): Promise<void> {
  const { infoHash } = torrent;
  for (let i = 0; i < seeders.completed + seeders.others; i++) {
    await using client = await UdpClient.open(TRACKER_HOST[4], stage.tracker.clientPort);
    await client.announce({ infoHash, event: EVENT_STARTED });
    await client.announce({ infoHash, left: 0n, event: i < seeders.completed ? EVENT_COMPLETED : EVENT_NONE });
  }
}

function setStage(...args: string[]): () => Stage {
  let stage: Stage | undefined;
  before(async () => {
    stage = await Stage.set({ args });
  });
  after(async () => {
    await stage?.[Symbol.asyncDispose]();
  });
  return () => stage!;
}

function whyNot(program: ClientProgram, transport: Transport): string | false {
  return program.missing() || (program.cannot(transport) ?? false);
}

function nameOf({ protocol, family }: Transport): string {
  return `${protocol.toUpperCase()} over IPv${family}`;
}
