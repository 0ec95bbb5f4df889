/**
 * WebTorrent (npm), run by the same Node.js as ours. It is in the package of the rivals, installed on demand, so it is no
 * dependency of the project.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { startProgram } from '../program.ts';
import { announced } from './events.ts';
import type { PeerTask, TransferSystem } from './system.ts';

const PEER = join(import.meta.dirname, 'webtorrent-peer.mjs');
const RIVALS = join(import.meta.dirname, '..', 'rivals');

export const webtorrent: TransferSystem = {
  name: 'webtorrent',
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

/** To be called before there is no network any more. Its native parts serve WebRTC and uTP only, so no install script is run. */
export function installWebtorrent(): void {
  if (existsSync(join(RIVALS, 'node_modules', 'webtorrent'))) return;
  execFileSync('npm', ['ci', '--ignore-scripts', '--prefix', RIVALS], { stdio: ['ignore', 'ignore', 'inherit'] });
}

function command(mode: 'seed' | 'leech', { port, content, folder }: PeerTask): [string, ...string[]] {
  return [process.execPath, PEER, mode, `${port}`, content.torrent, folder];
}
