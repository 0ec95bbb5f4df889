/**
 * opentracker, as Debian packages it: built with a whitelist, so it is given every info-hash of the population.
 *
 * Started as root it drops to `nobody` and changes its root to its own directory; otherwise it just runs there.
 */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { populationHashes } from '../load.ts';
import { type ServerUnderTest, startPinned } from '../server.ts';
import { freePort } from './free-port.ts';

const PROBE_EVERY_MS = 20;

export const opentracker: ServerUnderTest = {
  name: 'opentracker',
  durable: false,
  echo: false,
  maxPeers: Number.POSITIVE_INFINITY,
  async start({ population, directory }) {
    const hashes = populationHashes(population);
    mkdirSync(directory, { recursive: true });
    chmodSync(directory, 0o755);
    writeFileSync(join(directory, 'whitelist.txt'), `${hashes.join('\n')}\n`, { mode: 0o644 });
    const port = await freePort();
    const where = ['-i', '127.0.0.1', '-p', `${port}`, '-P', `${port}`];
    return startPinned(
      ['opentracker', ...where, '-d', directory, '-u', 'nobody', '-w', 'whitelist.txt'],
      () => untilWhitelisted(port, hashes.at(-1)!),
      directory,
    );
  },
};

/** It reads the whitelist in a thread of its own after it began to listen; the last hash in it proves that it is done. */
async function untilWhitelisted(port: number, hash: string): Promise<number> {
  const escaped = hash.replace(/../g, '%$&');
  const url = `http://127.0.0.1:${port}/announce?info_hash=${escaped}&peer_id=-SB0001-000000000000&port=1&left=1&event=stopped`;
  for (;;) {
    const reply = await fetch(url).then(
      (response) => response.text(),
      () => 'not listening yet',
    );
    if (reply.includes('8:interval')) return port;
    await delay(PROBE_EVERY_MS);
  }
}
