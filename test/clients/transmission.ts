import { readFile, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { findProgram, missingPrograms } from '../harness/programs.ts';
import { RunningProcess } from '../harness/running-process.ts';
import {
  bareEnvironment,
  type ClientProgram,
  type ClientTask,
  PATIENCE_MS,
  type Scrape,
  type Transport,
} from './client.ts';
import { TransmissionRpc } from './transmission-rpc.ts';

/** transmission-daemon, one process a torrent, driven by its RPC. */
export const transmission: ClientProgram = {
  name: 'Transmission',

  missing: () => missingPrograms('transmission-daemon'),

  cannot: () => undefined,

  // Version 3 reads six bytes a peer (an IPv4 address) in every reply by UDP.
  ignoresPeers: isUdpOverIPv6,

  // By itself, within seconds of an announce whose reply leaves out how many completed, as replies by UDP do.
  scrapes: ({ protocol }) => protocol === 'udp',

  // Version 3 takes what is before the first colon for the host of a UDP tracker.
  needsName: isUdpOverIPv6,

  async start(task) {
    const { homeFolder } = task;
    const rpcPort = task.port + 1;
    await writeFile(join(homeFolder, 'settings.json'), JSON.stringify(settings(task, rpcPort)));
    const args = ['--foreground', '--config-dir', homeFolder];
    const process = new RunningProcess(findProgram('transmission-daemon')!, args, { env: bareEnvironment(homeFolder) });
    const rpc = new TransmissionRpc(rpcPort);
    await process.until('Transmission answers', () => rpc.call('session-get', { fields: ['version'] }));
    const metainfo = await readFile(task.metainfoPath, 'base64');
    await rpc.call('torrent-add', { metainfo, paused: false });
    return {
      process,
      async complete() {
        await process.until('Transmission has everything', () => isSeeder(rpc), PATIENCE_MS);
      },
      async scrape() {
        return process.until('Transmission scraped', async () => lastScrape(await rpc.torrent('trackerStats')));
      },
      async stop() {
        await rpc.call('torrent-stop', {});
      },
    };
  },
};

function isUdpOverIPv6({ protocol, family }: Transport): boolean {
  return protocol === 'udp' && family === 6;
}

/** Of a torrent's `status`. */
const SEEDING = 6;

function settings({ host, port, downloadFolder }: ClientTask, rpcPort: number): Record<string, unknown> {
  return {
    // Over IPv6 the other one stays as it is: HTTP announces leave from the IPv4 address as soon as one is given.
    [isIP(host) === 6 ? 'bind-address-ipv6' : 'bind-address-ipv4']: host,
    'peer-port': port,
    'rpc-bind-address': '127.0.0.1',
    'rpc-port': rpcPort,
    'download-dir': downloadFolder,
    'dht-enabled': false,
    'lpd-enabled': false,
    'pex-enabled': false,
    'utp-enabled': false,
    'port-forwarding-enabled': false,
    'rename-partial-files': false,
  };
}

async function isSeeder(rpc: TransmissionRpc): Promise<boolean> {
  const { status, leftUntilDone } = await rpc.torrent('status', 'leftUntilDone');
  return status === SEEDING && leftUntilDone === 0;
}

interface TrackerStats {
  readonly lastScrapeSucceeded: boolean;
  readonly seederCount: number;
  readonly leecherCount: number;
  /** By UDP, only a scrape tells. */
  readonly downloadCount: number;
}

function lastScrape({ trackerStats }: Record<string, unknown>): Scrape | undefined {
  const [stats] = trackerStats as TrackerStats[];
  if (!stats.lastScrapeSucceeded) return undefined;
  return { seeders: stats.seederCount, leechers: stats.leecherCount, completed: stats.downloadCount };
}
