/** transmission-daemon, asked by its RPC whether it is done. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startProgram } from '../program.ts';
import { polled } from './events.ts';
import { type PeerTask, type RunningPeer, rpcPort, type TransferSystem } from './system.ts';

/** Of a torrent's `status`. */
const SEEDING = 6;

export const transmission: TransferSystem = {
  name: 'transmission',
  // It sends 2 to 8 MiB a second, however fast the network is.
  maxBytes: 64 * 2 ** 20,
  async seed(task) {
    const peer = await start(task);
    await peer.done;
    return peer;
  },
  leech: start,
};

/** Resolves when it was given the torrent. */
async function start(task: PeerTask): Promise<RunningPeer> {
  writeFileSync(join(task.home, 'settings.json'), JSON.stringify(settings(task)));
  const command = [
    'env',
    `HOME=${task.home}`,
    'transmission-daemon',
    '--foreground',
    '--config-dir',
    task.home,
  ] as const;
  const metainfo = readFileSync(task.content.torrent, 'base64');
  const call = rpcOf(task);
  const program = await startProgram([...command], () =>
    polled(async () => {
      await call('torrent-add', { metainfo, paused: false });
      return true;
    }),
  );
  return { program, done: polled(() => isSeeding(call)) };
}

function settings(task: PeerTask): Record<string, unknown> {
  return {
    'bind-address-ipv4': task.host,
    'peer-port': task.port,
    'rpc-bind-address': '127.0.0.1',
    'rpc-port': rpcPort(task),
    'download-dir': task.folder,
    'dht-enabled': false,
    'lpd-enabled': false,
    'utp-enabled': false,
    'port-forwarding-enabled': false,
  };
}

type Call = (method: string, args: Record<string, unknown>) => Promise<Record<string, unknown>>;

async function isSeeding(call: Call): Promise<boolean> {
  const { torrents } = await call('torrent-get', { fields: ['status', 'leftUntilDone'] });
  const [{ status, leftUntilDone }] = torrents as { status: number; leftUntilDone: number }[];
  return status === SEEDING && leftUntilDone === 0;
}

/** Its RPC: JSON over HTTP with a session id that the first reply gives. */
function rpcOf(task: PeerTask): Call {
  const url = `http://127.0.0.1:${rpcPort(task)}/transmission/rpc`;
  let session = '';
  const post = (body: string) =>
    fetch(url, { method: 'POST', headers: { 'X-Transmission-Session-Id': session }, body });
  return async (method, args) => {
    const body = JSON.stringify({ method, arguments: args });
    let response = await post(body);
    if (response.status === 409) {
      session = response.headers.get('x-transmission-session-id') ?? '';
      response = await post(body);
    }
    const reply = (await response.json()) as { result: string; arguments: Record<string, unknown> };
    if (reply.result !== 'success') throw new Error(`transmission: ${reply.result}`);
    return reply.arguments;
  };
}
