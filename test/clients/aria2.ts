import assert from 'node:assert/strict';
import { join } from 'node:path';
import { findProgram, missingPrograms } from '../harness/programs.ts';
import { RunningProcess } from '../harness/running-process.ts';
import { bareEnvironment, type ClientProgram, PATIENCE_MS } from './client.ts';

/** Exit code when it was asked to end before it had everything. */
const UNFINISHED = 7;
/** Far more than any test takes. */
const SEED_MINUTES = 60;

/** aria2c, one process a torrent. It has no scrape. */
export const aria2: ClientProgram = {
  name: 'aria2',

  missing: () => missingPrograms('aria2c'),

  cannot({ protocol, family }) {
    if (protocol === 'udp' && family === 6) return 'aria2 sends to UDP trackers from an IPv4 socket only';
    return undefined;
  },

  ignoresPeers: () => false,

  scrapes: () => false,

  needsName: () => false,

  async start({ host, port, metainfoPath, downloadFolder, homeFolder }) {
    const args = [
      '--no-conf',
      `--dir=${downloadFolder}`,
      `--interface=${host}`,
      `--listen-port=${port}`,
      // The socket of UDP trackers comes with the DHT only. It knows no node, and a private torrent is not looked up.
      '--enable-dht=true',
      '--enable-dht6=false',
      `--dht-listen-port=${port}`,
      `--dht-file-path=${join(homeFolder, 'dht.dat')}`,
      '--bt-enable-lpd=false',
      '--enable-peer-exchange=false',
      '--check-integrity=true',
      '--file-allocation=none',
      '--enable-rpc=true',
      `--rpc-listen-port=${port + 1}`,
      '--seed-ratio=0',
      `--seed-time=${SEED_MINUTES}`,
      '--summary-interval=0',
      '--show-console-readout=false',
      metainfoPath,
    ];
    const process = new RunningProcess(findProgram('aria2c')!, args, { env: bareEnvironment(homeFolder) });
    return {
      process,
      async complete() {
        await process.until('aria2 has everything', () => isSeeder(port + 1), PATIENCE_MS);
      },
      async stop() {
        process.kill('SIGINT');
        const { code, stdout, stderr } = await process.ended();
        assert.ok(code === 0 || code === UNFINISHED, `aria2 ended with ${code}:\n${stdout}${stderr}`);
      },
    };
  },
};

/** Asked by JSON-RPC of the only torrent. */
async function isSeeder(rpcPort: number): Promise<boolean> {
  const question = { jsonrpc: '2.0', id: '', method: 'aria2.tellActive', params: [['seeder']] };
  const response = await fetch(`http://127.0.0.1:${rpcPort}/jsonrpc`, {
    method: 'POST',
    headers: { Connection: 'close' },
    body: JSON.stringify(question),
  });
  const { result } = (await response.json()) as { result: { seeder?: string }[] };
  return result[0]?.seeder === 'true';
}
