import { BlockList, isIP } from 'node:net';
import type { PeerSession } from './peer-session.ts';

/** From so many others on that fetch the same, a seed nearby is spared. */
export const FETCHERS = 4;
/** Asked at a time of a spared seed: enough to keep its way busy, as all the others ask it too. */
export const SPARED_BYTES = 128 * 1024;

/**
 * How much may wait at a peer that all ask, so that it need not send the same to each of them. Many who begin at once would
 * ask a seed for everything before any of them has something for the others; who asks it for little at a time finds the next
 * pieces at those. Measured with ten that fetch 256 MiB on one machine: 1.3 copies from the seed instead of 4.5, in the same time.
 *
 * Only nearby, where an answer takes about a millisecond: far away little on its way would be slow.
 *
 * @returns bytes; Infinity for a peer that is not to be spared
 */
export function sparedBytes(peer: PeerSession, sessions: Iterable<PeerSession>): number {
  if (!peer.pieces.bits.isFull || !isNearby(peer.link.remote.host)) return Number.POSITIVE_INFINITY;
  let fetchers = 0;
  for (const { isEstablished, pieces } of sessions) {
    if (isEstablished && !pieces.bits.isFull && ++fetchers === FETCHERS) return SPARED_BYTES;
  }
  return Number.POSITIVE_INFINITY;
}

const nearby = new BlockList();
nearby.addSubnet('127.0.0.0', 8);
// RFC 1918, 3927, 4193 and 4291: networks of one's own.
nearby.addSubnet('10.0.0.0', 8);
nearby.addSubnet('172.16.0.0', 12);
nearby.addSubnet('192.168.0.0', 16);
nearby.addSubnet('169.254.0.0', 16);
nearby.addAddress('::1', 'ipv6');
nearby.addSubnet('fc00::', 7, 'ipv6');
nearby.addSubnet('fe80::', 10, 'ipv6');

function isNearby(host: string): boolean {
  const family = isIP(host);
  return family !== 0 && nearby.check(host, family === 6 ? 'ipv6' : 'ipv4');
}
