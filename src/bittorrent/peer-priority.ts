// BEP 40: which connections to keep when there are too many. Both ends of a connection compute the same number for it, and
// nobody can choose it, so that those kept form a random graph.

import { IPV4_BYTES, type PeerAddress, parseIp } from './compact-peers.ts';

/** 0 to 2^32 - 1, the larger the better; the same whoever of the two asks. Peers of two families come last. */
export function peerPriority(a: PeerAddress, b: PeerAddress): number {
  const [first, second] = [parseIp(a.host), parseIp(b.host)];
  if (!first || !second || first.length !== second.length) return 0;
  if (compare(first, second) === 0) {
    const [low, high] = a.port < b.port ? [a.port, b.port] : [b.port, a.port];
    return crc32c(Uint8Array.of(low >>> 8, low, high >>> 8, high));
  }
  let same = 0;
  while (first[same] === second[same]) same++;
  const kept = Math.max(first.length === IPV4_BYTES ? IPV4_KEPT_BYTES : IPV6_KEPT_BYTES, same + 1);
  const sides = [masked(first, kept), masked(second, kept)].sort(compare);
  return crc32c(Uint8Array.of(...sides[0], ...sides[1]));
}

/** CRC-32C (Castagnoli), as in RFC 3720. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 0xff];
  return ~crc >>> 0;
}

/** Bytes that count whole, at least; up to the first that differs all do. Of the others every second bit counts. */
const IPV4_KEPT_BYTES = 2;
const IPV6_KEPT_BYTES = 6;
const EVERY_SECOND_BIT = 0x55;

function masked(ip: Uint8Array, kept: number): Uint8Array {
  return ip.map((byte, i) => (i < kept ? byte : byte & EVERY_SECOND_BIT));
}

function compare(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return 0;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});
