import { BlockList, isIP } from 'node:net';
import { BLOCK_BYTES } from '../../bittorrent/peer-wire.ts';
import type { PeerSession } from './peer-session.ts';

/** Asked at a time of a spared seed by all who fetch from it: enough to keep its way busy. */
export const SPARED_BLOCKS = 40;
/** Asked by each of many: less would be more work than it saves. */
export const LEAST_BLOCKS = 8;

/**
 * How much may wait at a seed that others fetch from too, so that it need not send the same to each of them. Many who begin at once
 * would ask it for everything before any of them has something for the others; who asks it for little at a time finds the next
 * pieces at those. Measured with ten that fetch 256 MiB on one machine: 1.3 copies from the seed instead of 4.5, in the same
 * time. Already the second who fetches counts: ten processes do not begin at the same moment, and those that came first
 * would have it all from the seed.
 *
 * Only nearby, where an answer takes about a millisecond: far away little on its way would be slow.
 *
 * @returns bytes; Infinity for a peer that is not to be spared
 */
export function sparedBytes(peer: PeerSession, sessions: Iterable<PeerSession>): number {
  if (!peer.pieces.bits.isFull || !isNearby(peer.link.remote.host)) return Number.POSITIVE_INFINITY;
  let others = 0;
  for (const { isEstablished, pieces } of sessions) if (isEstablished && !pieces.bits.isFull) others++;
  if (others === 0) return Number.POSITIVE_INFINITY;
  return Math.max(LEAST_BLOCKS, Math.floor(SPARED_BLOCKS / (others + 1))) * BLOCK_BYTES;
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
