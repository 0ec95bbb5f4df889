import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TransmissionRpc } from '../clients/transmission-rpc.ts';
import { findProgram, missingPrograms } from '../harness/programs.ts';
import type { ClientOptions, OtherClient, OtherProgram, Seat } from './other-client.ts';

/** Of a torrent's `status`. */
const SEEDING = 6;
/** Of `encryption`. */
const [PREFERRED, REQUIRED] = [1, 2];
const KIB = 1024;

/** transmission-daemon, told by its RPC. */
export const transmission: OtherProgram = {
  name: 'Transmission',

  missing: () => missingPrograms('transmission-daemon'),

  // Version 3 does neither.
  makesEmptyFiles: false,
  readsHybrids: false,

  ownFiles: undefined,

  async start(seat, options = {}) {
    const rpcPort = seat.port + 1;
    await writeFile(join(seat.homeFolder, 'settings.json'), JSON.stringify(settings(seat, rpcPort, options)));
    const args = ['--foreground', '--config-dir', seat.homeFolder];
    const process = seat.run(findProgram('transmission-daemon')!, args);
    const rpc = new TransmissionRpc(rpcPort, seat.host);
    await process.until('Transmission answers', () => rpc.call('session-get', { fields: ['version'] }));
    return {
      process,
      async add({ source, folder }) {
        const what =
          'magnet' in source ? { filename: source.magnet } : { metainfo: await readFile(source.torrent, 'base64') };
        await rpc.call('torrent-add', { ...what, paused: false, 'download-dir': folder });
      },
      async isComplete(sha1) {
        const fields = ['status', 'leftUntilDone', 'metadataPercentComplete'];
        const { torrents } = await rpc.call('torrent-get', { ids: [sha1], fields });
        const [torrent] = torrents as { status: number; leftUntilDone: number; metadataPercentComplete: number }[];
        return torrent.status === SEEDING && torrent.leftUntilDone === 0 && torrent.metadataPercentComplete === 1;
      },
    } satisfies OtherClient;
  },
};

function settings({ host, port, homeFolder }: Seat, rpcPort: number, options: ClientOptions): Record<string, unknown> {
  const { utp = false, pex = false, insistsOnEncryption = false, uploadRate } = options;
  return {
    'bind-address-ipv4': host,
    'peer-port': port,
    'rpc-bind-address': host,
    'rpc-port': rpcPort,
    'rpc-whitelist-enabled': false,
    'rpc-host-whitelist-enabled': false,
    'download-dir': homeFolder,
    'download-queue-enabled': false,
    'dht-enabled': false,
    'lpd-enabled': false,
    'pex-enabled': pex,
    'utp-enabled': utp,
    encryption: insistsOnEncryption ? REQUIRED : PREFERRED,
    'port-forwarding-enabled': false,
    'rename-partial-files': false,
    ...(uploadRate !== undefined && { 'speed-limit-up-enabled': true, 'speed-limit-up': uploadRate / KIB }),
  };
}
