/**
 * bittorrent-tracker, the tracker in JavaScript (npm), run by the same Node.js as ours. It has a package of its own in
 * this folder, installed on demand, so it is no dependency of the project.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { announcedPort } from '../program.ts';
import { type ServerUnderTest, startPinned } from '../server.ts';
import { freePort } from './free-port.ts';

const HERE = import.meta.dirname;

export const bittorrentTracker: ServerUnderTest = {
  name: 'bittorrent-tracker',
  durable: false,
  echo: false,
  maxPeers: 60_000,
  async start() {
    install();
    const port = await freePort();
    return startPinned([process.execPath, join(HERE, 'bittorrent-tracker-server.mjs'), `${port}`], announcedPort);
  },
};

/** Its native parts are optional and serve only WebRTC, so no install script is run. */
function install(): void {
  if (existsSync(join(HERE, 'node_modules', 'bittorrent-tracker'))) return;
  execFileSync('npm', ['ci', '--ignore-scripts', '--prefix', HERE], { stdio: ['ignore', 'ignore', 'inherit'] });
}
