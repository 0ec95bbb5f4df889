// BEP 9: the info dictionary from peers, for who has a magnet link only. It is cut into pieces of 16 KiB; a message is a
// dictionary, and behind it, in `data`, the piece.

import { encode } from './bencode.ts';
import { ExtensionProtocolError, readExtendedDictionary, within } from './extension-protocol.ts';

export const METADATA_PIECE_BYTES = 16 * 1024;
/** As large as a torrent file may be (metainfo.ts). */
export const MAX_METADATA_BYTES = 16 * 1024 * 1024;

export type MetadataMessage =
  | { readonly type: 'request'; readonly piece: number }
  | { readonly type: 'data'; readonly piece: number; readonly totalBytes: number; readonly data: Uint8Array }
  | { readonly type: 'reject'; readonly piece: number };

/** How many pieces the metadata of so many bytes has. */
export function metadataPieceCount(totalBytes: number): number {
  return Math.ceil(totalBytes / METADATA_PIECE_BYTES);
}

/** Bytes of one of them. */
export function metadataPieceBytes(totalBytes: number, piece: number): number {
  return Math.min(METADATA_PIECE_BYTES, totalBytes - piece * METADATA_PIECE_BYTES);
}

/** The payload of a message. */
export function encodeMetadataMessage(message: MetadataMessage): Uint8Array {
  if (message.type !== 'data')
    return encode({ msg_type: message.type === 'request' ? REQUEST : REJECT, piece: message.piece });
  const head = encode({ msg_type: DATA, piece: message.piece, total_size: message.totalBytes });
  const bytes = new Uint8Array(head.length + message.data.length);
  bytes.set(head, 0);
  bytes.set(message.data, head.length);
  return bytes;
}

/**
 * Reads the payload of a message. `data` is a view of it, and has as many bytes as that piece must have.
 * @returns undefined for a type of message that is not known, which BEP 9 wants ignored
 * @throws {ExtensionProtocolError}
 */
export function parseMetadataMessage(payload: Uint8Array): MetadataMessage | undefined {
  const { dictionary, end } = readExtendedDictionary(payload);
  const type = dictionary.get('msg_type');
  if (type !== REQUEST && type !== DATA && type !== REJECT) return undefined;
  const piece = within(dictionary.get('piece'), 0, metadataPieceCount(MAX_METADATA_BYTES) - 1);
  if (piece === undefined) throw new ExtensionProtocolError('a metadata message names no piece that can be');
  if (type !== DATA) return { type: type === REQUEST ? 'request' : 'reject', piece };
  const totalBytes = within(dictionary.get('total_size'), 1, MAX_METADATA_BYTES);
  if (totalBytes === undefined) throw new ExtensionProtocolError('metadata of no size that can be');
  const data = payload.subarray(end);
  if (data.length === 0 || data.length !== metadataPieceBytes(totalBytes, piece)) {
    throw new ExtensionProtocolError(
      `piece ${piece} of ${totalBytes} bytes of metadata came with ${data.length} bytes`,
    );
  }
  return { type: 'data', piece, totalBytes, data };
}

const REQUEST = 0;
const DATA = 1;
const REJECT = 2;
