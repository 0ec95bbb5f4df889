import { hash } from 'node:crypto';
import { PIECE_HASH_BYTES, type TorrentInfo } from '../../bittorrent/metainfo.ts';

/** Whether these are the bytes of the piece: what its SHA-1 in the torrent says. */
export function isPieceRight(info: TorrentInfo, piece: number, bytes: Uint8Array): boolean {
  const at = piece * PIECE_HASH_BYTES;
  return hash('sha1', bytes, 'buffer').equals(info.pieceHashes.subarray(at, at + PIECE_HASH_BYTES));
}
