import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findProgram, missingPrograms } from '../harness/programs.ts';
import type { OtherClient, OtherProgram } from './other-client.ts';

const MANY = 100;
/** Far more than any test takes. */
const SEED_MINUTES = 60;

/** aria2c as a daemon, told by JSON-RPC. It has no uTP. */
export const aria2: OtherProgram = {
  name: 'aria2',

  missing: () => missingPrograms('aria2c'),

  makesEmptyFiles: true,

  // It finds another info-hash for them.
  readsHybrids: false,

  ownFiles: /\.aria2$/,

  async start({ host, port, homeFolder, run }, options = {}) {
    const { pex = false, insistsOnEncryption = false, uploadRate = 0 } = options;
    const rpcPort = port + 1;
    const process = run(findProgram('aria2c')!, [
      '--no-conf',
      '--enable-rpc',
      '--rpc-listen-all',
      `--rpc-listen-port=${rpcPort}`,
      `--interface=${host}`,
      `--listen-port=${port}`,
      // The socket of UDP trackers comes with the DHT only, which knows no node here.
      '--enable-dht=true',
      '--enable-dht6=false',
      `--dht-listen-port=${port}`,
      `--dht-file-path=${join(homeFolder, 'dht.dat')}`,
      '--bt-enable-lpd=false',
      `--enable-peer-exchange=${pex}`,
      `--bt-require-crypto=${insistsOnEncryption}`,
      `--max-overall-upload-limit=${uploadRate}`,
      '--check-integrity=true',
      '--rpc-save-upload-metadata=false',
      '--file-allocation=none',
      `--max-concurrent-downloads=${MANY}`,
      '--seed-ratio=0',
      `--seed-time=${SEED_MINUTES}`,
      '--summary-interval=0',
      '--show-console-readout=false',
    ]);
    const rpc = (method: string, ...params: unknown[]) => call(`http://${host}:${rpcPort}/jsonrpc`, method, params);
    await process.until('aria2 answers', () => rpc('getVersion'));
    return {
      process,
      async add({ source, folder }) {
        if ('magnet' in source) await rpc('addUri', [source.magnet], { dir: folder });
        else await rpc('addTorrent', await readFile(source.torrent, 'base64'), [], { dir: folder });
      },
      async isComplete(sha1) {
        const active = (await rpc('tellActive', ['infoHash', 'seeder', 'bittorrent'])) as Active[];
        // The download of the metadata alone is one too, and has no info.
        return active.some(
          ({ infoHash, seeder, bittorrent }) => infoHash === sha1 && seeder === 'true' && bittorrent?.info,
        );
      },
    } satisfies OtherClient;
  },
};

interface Active {
  readonly infoHash?: string;
  readonly seeder?: string;
  readonly bittorrent?: { readonly info?: object };
}

async function call(url: string, method: string, params: readonly unknown[]): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { Connection: 'close' },
    body: JSON.stringify({ jsonrpc: '2.0', id: '', method: `aria2.${method}`, params }),
  });
  const { result, error } = (await response.json()) as { result?: unknown; error?: { message: string } };
  if (error) throw new Error(`aria2's ${method} failed: ${error.message}`);
  return result;
}
