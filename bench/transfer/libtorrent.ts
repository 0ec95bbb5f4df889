/** libtorrent, by its bindings for Python. */
import { join } from 'node:path';
import { startProgram } from '../program.ts';
import { announced } from './events.ts';
import type { PeerTask, TransferSystem } from './system.ts';

const PEER = join(import.meta.dirname, 'libtorrent-peer.py');
/** The one that Debian's package of the bindings is for. */
const PYTHON = '/usr/bin/python3';

export const libtorrent: TransferSystem = {
  name: 'libtorrent',
  maxBytes: Number.POSITIVE_INFINITY,
  async seed(task) {
    const program = await startProgram(command('seed', task), (child) => announced(child, 'ready'));
    return { program, done: Promise.resolve() };
  },
  async leech(task) {
    const program = await startProgram(command('leech', task), async (child) => ({ done: announced(child, 'done') }));
    return { program, done: program.ready.done };
  },
};

function command(mode: 'seed' | 'leech', { host, port, content, folder }: PeerTask): [string, ...string[]] {
  return [PYTHON, PEER, mode, host, `${port}`, content.torrent, folder];
}
