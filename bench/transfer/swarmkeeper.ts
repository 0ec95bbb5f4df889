/** Swarmkeeper, exactly as a user starts it: `share` here, `get` there. */
import { join } from 'node:path';
import { startProgram } from '../program.ts';
import { announced } from './events.ts';
import type { PeerTask, TransferSystem } from './system.ts';

const LAUNCHER = join(import.meta.dirname, '..', '..', 'bin', 'swarmkeeper');

export const swarmkeeper: TransferSystem = {
  name: 'swarmkeeper',
  maxBytes: Number.POSITIVE_INFINITY,
  async seed(task) {
    const { content, home } = task;
    const path = join(content.folder, content.name);
    const args = [path, '--torrents', home, '--announce', content.trackerUrl];
    const program = await startProgram([LAUNCHER, 'share', ...args, ...options(task)], (child) =>
      announced(child, 'seeding'),
    );
    return { program, done: Promise.resolve() };
  },
  async leech(task) {
    const command = ['get', task.content.torrent, '-o', task.folder, ...options(task)];
    const program = await startProgram([LAUNCHER, ...command], async (child) => ({ done: announced(child, 'done') }));
    return { program, done: program.ready.done };
  },
};

function options({ host, port, home }: PeerTask): string[] {
  return ['--host', host, '--port', `${port}`, '--data', home, '--json'];
}
