import { PIECE_HASH_BYTES, type TorrentInfo } from '../../bittorrent/metainfo.ts';

/** What the torrent says of a piece: its SHA-1, 20 bytes, a view. */
export function hashOfPiece({ pieceHashes }: TorrentInfo, piece: number): Uint8Array {
  return pieceHashes.subarray(piece * PIECE_HASH_BYTES, (piece + 1) * PIECE_HASH_BYTES);
}
