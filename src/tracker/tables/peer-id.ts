import { hash } from 'node:crypto';
import { ADDRESS_BYTES_6 } from '../operations.ts';

// PEER_INFO.id: a function of host and port, so that replicas agree on it without asking and no look-up is needed.
//
// An IPv4 peer's id is its compact address as a number, below 2^48. An IPv6 peer's id is 2^61 plus 61 bits of the
// SHA-256 of its 18 bytes. Two IPv6 peers with one id would share their rows; it takes about 2^30 tries to make such a
// pair out of one's own addresses, and harms nobody else.

/** Ids from here on are of IPv6 peers. */
export const FIRST_IPV6_ID = 2n ** 61n;
/** All ids below are of IPv4 peers. */
export const IPV4_ID_END = 2 ** 48;

/** The id of the compact IPv4 peer at `at`. */
export function ipv4PeerId(bytes: Uint8Array, at: number): number {
  return ipv4Locality(bytes, at) * 0x1_0000 + bytes[at + 4] * 0x100 + bytes[at + 5];
}

/** The id of the compact IPv6 peer at `at`. */
export function ipv6PeerId(bytes: Uint8Array, at: number): bigint {
  const digest = hash('sha256', bytes.subarray(at, at + ADDRESS_BYTES_6), 'buffer');
  return FIRST_IPV6_ID + (digest.readBigUInt64BE(0) >> 3n);
}

/** 33 bits in the order of the ids: where the peer's row stands in the table, roughly. */
export function ipv4Locality(bytes: Uint8Array, at: number): number {
  return bytes[at] * 0x100_0000 + ((bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]);
}

/** The same for an IPv6 peer, behind all the IPv4 peers. */
export function ipv6Locality(id: bigint): number {
  return 2 ** 32 + Number((id - FIRST_IPV6_ID) >> 29n);
}
