// BEP 6: the pieces that a peer may have while it is choked, a few, drawn from its address and the info-hash so that asking
// again under another port gains nothing.

import { IPV4_BYTES } from './compact-peers.ts';
import type { Sha1 } from './metainfo.ts';
import { readUint32 } from './peer-wire.ts';

/** As BEP 6 suggests. */
export const ALLOWED_FAST_PIECES = 10;

/**
 * The pieces in the order they are drawn, at most all of the torrent's. IPv6 has no rule: none are given.
 * @param ip 4 bytes of the peer's address
 */
export function allowedFastPieces(
  ip: Uint8Array,
  infoHash: Uint8Array,
  pieceCount: number,
  sha1: Sha1,
  wanted: number = ALLOWED_FAST_PIECES,
): number[] {
  if (ip.length !== IPV4_BYTES || pieceCount === 0) return [];
  const pieces = new Set<number>();
  let drawn = new Uint8Array(IPV4_BYTES + infoHash.length);
  // The last byte of the address is left out: neighbours in a network of 256 share their pieces.
  drawn.set(ip.subarray(0, 3), 0);
  drawn.set(infoHash, IPV4_BYTES);
  const count = Math.min(wanted, pieceCount);
  while (pieces.size < count) {
    drawn = Uint8Array.from(sha1(drawn));
    for (let at = 0; at + 4 <= drawn.length && pieces.size < count; at += 4)
      pieces.add(readUint32(drawn, at) % pieceCount);
  }
  return [...pieces];
}
