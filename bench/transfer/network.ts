import { execFileSync } from 'node:child_process';
import koffi from 'koffi';

/** From sched.h. */
const CLONE_NEWNET = 0x4000_0000;

/** Peers have addresses of their own that are no loopback addresses: Transmission takes none of those for a peer. */
export const PEER_HOSTS = ['10.69.0.1', '10.69.0.2', '10.69.0.3', '10.69.0.4'] as const;

export class NoNetworkError extends Error {
  readonly code = 'BENCH_NO_NETWORK';
}

/**
 * Moves this process, and all that it starts from now on, into a network namespace of its own: a machine that is alone in the
 * world, with PEER_HOSTS on its loopback device. Nothing gets out, and every port is free.
 * @throws NoNetworkError
 */
export function enterPrivateNetwork(): void {
  // Of the calling thread only. Node makes sockets and processes on this one, so that they all come to be inside.
  const unshare = koffi.load('libc.so.6').func('int unshare(int flags)');
  if (unshare(CLONE_NEWNET) !== 0) {
    throw new NoNetworkError('may not make a network namespace; run it as root, or under `unshare --map-root-user`');
  }
  const commands = [
    'link set lo up',
    ...PEER_HOSTS.map((host) => `addr add ${host}/24 dev lo`),
    // Programs that look for a route to the world find out by it which addresses they have.
    'route add 0.0.0.0/0 dev lo',
  ];
  execFileSync('ip', ['-batch', '-'], { input: commands.join('\n') });
}
