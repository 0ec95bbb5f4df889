/** The limit of the machine: a program in C that copies the file, without a protocol and without hashing anything (copy.c). */
import { join } from 'node:path';
import { decodeDictionary } from '../../src/bittorrent/bencode.ts';
import { compileCopy } from '../compile.ts';
import { startProgram } from '../program.ts';
import { announced } from './events.ts';
import type { PeerTask, TransferSystem } from './system.ts';

export const copy: TransferSystem = {
  name: 'copy',
  maxBytes: Number.POSITIVE_INFINITY,
  isLimit: true,
  async seed(task) {
    const { host, port, content } = task;
    const path = join(content.folder, content.name);
    const program = await startProgram([compileCopy(), 'seed', host, `${port}`, path], (child) =>
      announced(child, 'ready'),
    );
    await askTracker(task);
    return { program, done: Promise.resolve() };
  },
  async leech(task) {
    const seeder = await askTracker(task);
    const path = join(task.folder, task.content.name);
    const command = [compileCopy(), 'leech', ...seeder, path, `${task.content.bytes}`] as const;
    const program = await startProgram([...command], async (child) => ({ done: announced(child, 'done') }));
    return { program, done: program.ready.done };
  },
};

/** Announces the peer. @returns host and port of the first one there */
async function askTracker({ port, content }: PeerTask): Promise<[host: string, port: string]> {
  const response = await fetch(`${content.trackerUrl}?port=${port}`);
  const reply = decodeDictionary(new Uint8Array(await response.arrayBuffer()));
  const [a, b, c, d, high, low] = reply.get('peers') as Uint8Array;
  return [`${a}.${b}.${c}.${d}`, `${high! * 256 + low!}`];
}
