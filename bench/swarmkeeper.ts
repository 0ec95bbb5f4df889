/** Swarmkeeper as a single instance, exactly as a user starts it. */
import { join } from 'node:path';
import { announcedPort } from './program.ts';
import { type ServerUnderTest, startPinned } from './server.ts';

const LAUNCHER = join(import.meta.dirname, '..', 'bin', 'swarmkeeper');

/** A name of its own, so that no other cluster on this machine is joined. */
const CLUSTER = `bench-${process.pid}`;

export const swarmkeeper: ServerUnderTest = {
  name: 'swarmkeeper',
  durable: true,
  echo: false,
  maxPeers: Number.POSITIVE_INFINITY,
  start({ directory, port }) {
    const where = ['--host', '127.0.0.1', '--port', `${port}`, '--data', directory];
    return startPinned([LAUNCHER, 'tracker', '--json', ...where, '--cluster', CLUSTER], announcedPort);
  },
};
