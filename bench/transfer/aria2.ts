/** aria2, asked by its RPC whether it is done. */
import { startProgram } from '../program.ts';
import { polled } from './events.ts';
import { type PeerTask, rpcPort, type TransferSystem } from './system.ts';

/** Far longer than any trial. */
const SEED_MINUTES = 60;

export const aria2: TransferSystem = {
  name: 'aria2',
  maxBytes: Number.POSITIVE_INFINITY,
  async seed(task) {
    const program = await startProgram(command(task, ['--bt-seed-unverified=true']), () =>
      polled(() => isSeeder(task)),
    );
    return { program, done: Promise.resolve() };
  },
  async leech(task) {
    const program = await startProgram(command(task, []), async () => {});
    return { program, done: polled(() => isSeeder(task)) };
  },
};

function command(task: PeerTask, more: readonly string[]): [string, ...string[]] {
  const { host, port, content, folder, home } = task;
  return [
    'env',
    `HOME=${home}`,
    'aria2c',
    '--no-conf',
    `--dir=${folder}`,
    `--interface=${host}`,
    `--listen-port=${port}`,
    '--enable-dht=false',
    '--bt-enable-lpd=false',
    // By default it would first fill the file with zeros.
    '--file-allocation=none',
    '--enable-rpc=true',
    `--rpc-listen-port=${rpcPort(task)}`,
    '--seed-ratio=0',
    `--seed-time=${SEED_MINUTES}`,
    '--summary-interval=0',
    '--show-console-readout=false',
    ...more,
    content.torrent,
  ];
}

/** Whether it has all of the only torrent. */
async function isSeeder(task: PeerTask): Promise<boolean> {
  const question = { jsonrpc: '2.0', id: '', method: 'aria2.tellActive', params: [['seeder']] };
  const response = await fetch(`http://127.0.0.1:${rpcPort(task)}/jsonrpc`, {
    method: 'POST',
    body: JSON.stringify(question),
  });
  const { result } = (await response.json()) as { result: { seeder?: string }[] };
  return result[0]?.seeder === 'true';
}
