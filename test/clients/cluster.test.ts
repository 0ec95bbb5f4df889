import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { SwarmkeeperInstance } from '../harness/start-swarmkeeper.ts';
import type { TestGroup } from '../harness/test-network.ts';
import { waitFor } from '../harness/wait-for.ts';
import { aria2 } from './aria2.ts';
import { type Client, type ClientProgram, PATIENCE_MS, type Transport } from './client.ts';
import { handOver, shown } from './hand-over.ts';
import { libtorrent } from './libtorrent.ts';
import { enterPrivateNetwork } from './private-network.ts';
import { type Role, Stage } from './stage.ts';
import { Torrent } from './torrent.ts';
import { transmission } from './transmission.ts';

const INSTANCES = 3;
const CONCURRENCY = 8;
/** Asked of clients that are to announce again. */
const INTERVAL_MS = 4_000;

/** Whom a client asks. */
type Asked = 'the group' | 'a slave' | 'another slave';

/** A client, how it asks the tracker, and whom. */
interface Part {
  readonly program: ClientProgram;
  readonly transport: Transport;
  readonly asks: Asked;
}

const UDP: Transport = { protocol: 'udp', family: 4 };
const HTTP: Transport = { protocol: 'http', family: 4 };
const UDP6: Transport = { protocol: 'udp', family: 6 };
const HTTP6: Transport = { protocol: 'http', family: 6 };
const BY_MULTICAST: Part = { program: transmission, transport: UDP, asks: 'the group' };

const PAIRS: readonly { readonly from: Part; readonly to: Part }[] = [
  { from: BY_MULTICAST, to: BY_MULTICAST },
  { from: BY_MULTICAST, to: { program: aria2, transport: UDP, asks: 'a slave' } },
  { from: { program: libtorrent, transport: UDP, asks: 'another slave' }, to: BY_MULTICAST },
  {
    from: { program: aria2, transport: UDP, asks: 'a slave' },
    to: { program: libtorrent, transport: UDP, asks: 'another slave' },
  },
  {
    from: { program: libtorrent, transport: HTTP, asks: 'a slave' },
    to: { program: aria2, transport: HTTP, asks: 'another slave' },
  },
  {
    from: { program: libtorrent, transport: UDP6, asks: 'a slave' },
    to: { program: aria2, transport: HTTP6, asks: 'another slave' },
  },
];

/** One of each way, for the length of a session. */
const SESSION: readonly Part[] = [
  BY_MULTICAST,
  { program: aria2, transport: UDP, asks: 'a slave' },
  { program: aria2, transport: HTTP, asks: 'another slave' },
  { program: libtorrent, transport: UDP, asks: 'another slave' },
  { program: libtorrent, transport: HTTP6, asks: 'a slave' },
];

const skip = enterPrivateNetwork();

describe('real clients of a cluster', { skip, concurrency: CONCURRENCY }, () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.set({ instances: INSTANCES });
  });
  after(async () => {
    await stage?.[Symbol.asyncDispose]();
  });

  for (const { from, to } of PAIRS) {
    const title = `${nameOf(to)}, fetches a file from ${nameOf(from)}`;
    test(title, { skip: from.program.missing() || to.program.missing() }, async (t) => {
      const addresses = await whomTheyAsk(stage);
      const seeder = await clientOf(stage, t, from, 'seeder', addresses);
      const leecher = await clientOf(stage, t, to, 'leecher', addresses);
      await handOver(stage, new Torrent(), seeder, leecher, 'seeder');
    });
  }

  const missing = aria2.missing() || transmission.missing() || libtorrent.missing();
  test('announce again, hand over and leave after the master was killed in the middle', {
    skip: missing,
  }, async (t) => {
    await using own = await Stage.set({ instances: INSTANCES, args: ['--interval', String(INTERVAL_MS / 1_000)] });
    const addresses = await whomTheyAsk(own);
    own.watch(addresses['a slave']);
    const seeds = await Promise.all(
      SESSION.map(async (part) => {
        const torrent = new Torrent();
        const seeder = await clientOf(own, t, part, 'seeder', addresses);
        await seeder.seed(torrent);
        await own.shows(torrent, { seeders: 1, leechers: 0, completed: 0, peers: [shown(seeder, 0)] });
        return { part, torrent, seeder };
      }),
    );

    const master = await own.cluster.master();
    await master.stop('SIGKILL');
    await own.cluster.master();
    // One that a client asks can have become the master meanwhile.
    if (Object.values(addresses).includes(master)) await own.cluster.restart(own.cluster.instances.indexOf(master));

    await Promise.all(
      seeds.map(async ({ part, torrent, seeder }) => {
        const killedAt = Date.now();
        let askedAt = Number.NEGATIVE_INFINITY;
        await waitFor(
          `${nameOf(part)} to announce again`,
          async () => {
            if (performance.now() - askedAt > INTERVAL_MS) {
              seeder.announceAgain();
              askedAt = performance.now();
            }
            return ((await own.lastSeen(torrent)) ?? 0) > killedAt;
          },
          PATIENCE_MS,
        );
        const leecher = await clientOf(own, t, AFTERWARDS[part.transport.family], 'leecher', addresses);
        await leecher.fetch(torrent);
        const fetched = await leecher.fetched(torrent);
        assert.ok(Buffer.from(torrent.content).equals(fetched), 'the fetched file is another one');
        await Promise.all([seeder.stop(), leecher.stop()]);
        await own.shows(torrent, { seeders: 0, leechers: 0, completed: 1, peers: [] });
      }),
    );
    await own.cluster.agree();
  });
});

/** Who comes for the content after the master was killed, by the family of the one that has it. */
const AFTERWARDS: Readonly<Record<4 | 6, Part>> = {
  4: { program: libtorrent, transport: UDP, asks: 'a slave' },
  6: { program: libtorrent, transport: UDP6, asks: 'another slave' },
};

type Addresses = Readonly<Record<'the group', TestGroup> & Record<'a slave' | 'another slave', SwarmkeeperInstance>>;

async function whomTheyAsk({ cluster }: Stage): Promise<Addresses> {
  const [slave, other] = await cluster.slaves();
  return { 'the group': cluster.group, 'a slave': slave, 'another slave': other };
}

function clientOf(stage: Stage, t: TestContext, part: Part, role: Role, addresses: Addresses): Promise<Client> {
  return stage.client(t, part.program, role, part.transport, addresses[part.asks]);
}

function nameOf({ program, transport, asks }: Part): string {
  return `${program.name}, which asks ${asks} by ${transport.protocol.toUpperCase()} over IPv${transport.family}`;
}
