import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { findProgram } from '../../../test/harness/programs.ts';
import { RunningProcess } from '../../../test/harness/running-process.ts';
import { temporaryFolder } from '../../../test/harness/start-swarmkeeper.ts';
import { formatInfoHash } from '../../bittorrent/info-hash.ts';
import { percentEncode } from '../../bittorrent/percent-encoding.ts';

/** Debian's opentracker, which serves IPv4 and the contents of a list. `await using` ends it. */
export interface TestOpentracker extends AsyncDisposable {
  readonly port: number;
}

export async function startOpentracker(infoHashes: readonly Uint8Array[]): Promise<TestOpentracker> {
  const folder = await temporaryFolder();
  // Started as root it goes on as somebody who may read little.
  await chmod(folder.path, 0o755);
  const hashes = infoHashes.map((infoHash) => `${formatInfoHash(infoHash)}\n`).join('');
  await writeFile(join(folder.path, 'whitelist.txt'), hashes, { mode: 0o644 });
  const port = await freePort();
  const where = ['-i', '127.0.0.1', '-p', `${port}`, '-P', `${port}`];
  const process = new RunningProcess(findProgram('opentracker')!, [
    ...where,
    ...['-d', folder.path, '-u', 'nobody', '-w', 'whitelist.txt'],
  ]);
  const dispose = async () => {
    await process[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  };
  try {
    // The list is read after it began to listen.
    await process.until('opentracker serves', () => serves(port, infoHashes.at(-1)!));
    return { port, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function serves(port: number, infoHash: Uint8Array): Promise<boolean> {
  const query = `info_hash=${percentEncode(infoHash)}&peer_id=-SB0001-000000000000&port=1&left=1&event=stopped`;
  const reply = await fetch(`http://127.0.0.1:${port}/announce?${query}`);
  return (await reply.text()).includes('8:interval');
}

/** It cannot choose one itself and say which. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
