// Messages between peers: BEP 3, the fast extension (BEP 6), extended messages (BEP 10). A length of 4 bytes, a byte that
// says which message, its fields; integers are big-endian. Before them each side sends a handshake of 68 bytes.
//
// Writers write at `offset` and return the offset behind. Reading is peer-wire-parser.ts.

import { INFO_HASH_BYTES } from './info-hash.ts';

export const PEER_ID_BYTES = 20;
export const RESERVED_BYTES = 8;
export const HANDSHAKE_BYTES = 68;
/** What peers of all kinds answer; many close the connection on a larger request. */
export const BLOCK_BYTES = 16 * 1024;

export const CHOKE = 0;
export const UNCHOKE = 1;
export const INTERESTED = 2;
export const NOT_INTERESTED = 3;
export const HAVE = 4;
export const BITFIELD = 5;
export const REQUEST = 6;
export const PIECE = 7;
export const CANCEL = 8;
export const PORT = 9;
export const SUGGEST = 13;
export const HAVE_ALL = 14;
export const HAVE_NONE = 15;
export const REJECT = 16;
export const ALLOWED_FAST = 17;
export const EXTENDED = 20;

// Bytes of whole messages.
export const KEEP_ALIVE_BYTES = 4;
/** choke, unchoke, interested, not interested, have all, have none */
export const SIGNAL_BYTES = 5;
/** have, suggest, allowed fast */
export const PIECE_INDEX_BYTES = 9;
/** request, cancel, reject */
export const BLOCK_MESSAGE_BYTES = 17;
export const PORT_MESSAGE_BYTES = 7;
/** What stands before the bytes of a block. */
export const BLOCK_HEADER_BYTES = 13;
export const BITFIELD_HEADER_BYTES = 5;
/** What stands before the payload of an extended message. */
export const EXTENDED_HEADER_BYTES = 6;

/** What a peer says that it can, in the reserved bytes of its handshake. */
export interface PeerFeatures {
  /** BEP 10. */
  readonly extended: boolean;
  /** BEP 6. */
  readonly fast: boolean;
  /** BEP 5. */
  readonly dht: boolean;
}

export interface Handshake {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  readonly features: PeerFeatures;
}

/** A run of bytes in a piece. */
export interface Block {
  readonly piece: number;
  /** Offset in the piece. */
  readonly begin: number;
  readonly length: number;
}

export type PeerWireErrorCode =
  | 'NOT_BITTORRENT'
  | 'MESSAGE_TOO_LONG'
  | 'MESSAGE_LENGTH'
  | 'BLOCK_TOO_LONG'
  | 'BITFIELD_LENGTH';

/** What a peer sent is no message; the connection cannot be read further. */
export class PeerWireError extends Error {
  readonly code: PeerWireErrorCode;
  override readonly name = 'PeerWireError';

  constructor(code: PeerWireErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export function encodeHandshake(handshake: Handshake): Uint8Array {
  const bytes = new Uint8Array(HANDSHAKE_BYTES);
  bytes.set(PROTOCOL, 0);
  if (handshake.features.extended) bytes[PROTOCOL.length + 5] |= EXTENDED_BIT;
  if (handshake.features.fast) bytes[PROTOCOL.length + 7] |= FAST_BIT;
  if (handshake.features.dht) bytes[PROTOCOL.length + 7] |= DHT_BIT;
  bytes.set(handshake.infoHash.subarray(0, INFO_HASH_BYTES), INFO_HASH_AT);
  bytes.set(handshake.peerId.subarray(0, PEER_ID_BYTES), PEER_ID_AT);
  return bytes;
}

/**
 * Whether `count` bytes at `offset` can be the beginning of a handshake: what is something else is known by its first bytes.
 */
export function mayBeHandshake(bytes: Uint8Array, offset: number, count: number): boolean {
  const known = Math.min(count, PROTOCOL.length);
  for (let i = 0; i < known; i++) if (bytes[offset + i] !== PROTOCOL[i]) return false;
  return true;
}

/** The 68 bytes at `offset`, copied. @throws {PeerWireError} NOT_BITTORRENT */
export function readHandshake(bytes: Uint8Array, offset: number): Handshake {
  if (!mayBeHandshake(bytes, offset, HANDSHAKE_BYTES)) {
    throw new PeerWireError('NOT_BITTORRENT', 'what connected does not speak BitTorrent, or encrypts it');
  }
  const reserved = offset + PROTOCOL.length;
  return {
    infoHash: copy(bytes, offset + INFO_HASH_AT, INFO_HASH_BYTES),
    peerId: copy(bytes, offset + PEER_ID_AT, PEER_ID_BYTES),
    features: {
      extended: (bytes[reserved + 5] & EXTENDED_BIT) !== 0,
      fast: (bytes[reserved + 7] & FAST_BIT) !== 0,
      dht: (bytes[reserved + 7] & DHT_BIT) !== 0,
    },
  };
}

export function writeKeepAlive(out: Uint8Array, offset: number): number {
  return writeUint32(out, offset, 0);
}

/** One of CHOKE, UNCHOKE, INTERESTED, NOT_INTERESTED, HAVE_ALL, HAVE_NONE: 5 bytes. */
export function writeSignal(out: Uint8Array, offset: number, id: number): number {
  return writeHead(out, offset, 1, id);
}

/** One of HAVE, SUGGEST, ALLOWED_FAST: 9 bytes. */
export function writePieceIndex(out: Uint8Array, offset: number, id: number, piece: number): number {
  return writeUint32(out, writeHead(out, offset, 5, id), piece);
}

/** One of REQUEST, CANCEL, REJECT: 17 bytes. */
export function writeBlockMessage(out: Uint8Array, offset: number, id: number, block: Block): number {
  let at = writeHead(out, offset, 13, id);
  at = writeUint32(out, at, block.piece);
  at = writeUint32(out, at, block.begin);
  return writeUint32(out, at, block.length);
}

/** The 13 bytes before the block itself. */
export function writeBlockHeader(out: Uint8Array, offset: number, block: Block): number {
  const at = writeHead(out, offset, BLOCK_HEADER_BYTES - 4 + block.length, PIECE);
  return writeUint32(out, writeUint32(out, at, block.piece), block.begin);
}

/** The 5 bytes before the bitfield itself. */
export function writeBitfieldHeader(out: Uint8Array, offset: number, bitfieldBytes: number): number {
  return writeHead(out, offset, 1 + bitfieldBytes, BITFIELD);
}

/** The 6 bytes before the payload; `extension` is the number by which the receiver knows it, 0 the handshake. */
export function writeExtendedHeader(out: Uint8Array, offset: number, extension: number, payloadBytes: number): number {
  const at = writeHead(out, offset, 2 + payloadBytes, EXTENDED);
  out[at] = extension;
  return at + 1;
}

/** A whole extended message. */
export function encodeExtended(extension: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(EXTENDED_HEADER_BYTES + payload.length);
  bytes.set(payload, writeExtendedHeader(bytes, 0, extension, payload.length));
  return bytes;
}

export function readUint32(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] << 24) | (bytes[offset + 1] << 16) | (bytes[offset + 2] << 8) | bytes[offset + 3]) >>> 0;
}

/** Its length, then the words, as they begin every handshake. */
const PROTOCOL = new TextEncoder().encode('\x13BitTorrent protocol');
const INFO_HASH_AT = PROTOCOL.length + RESERVED_BYTES;
const PEER_ID_AT = INFO_HASH_AT + INFO_HASH_BYTES;
const EXTENDED_BIT = 0x10;
const FAST_BIT = 0x04;
const DHT_BIT = 0x01;

/** `slice` would do, were it not that a `Buffer` gives a view. */
function copy(bytes: Uint8Array, offset: number, length: number): Uint8Array {
  return new Uint8Array(bytes.subarray(offset, offset + length));
}

function writeHead(out: Uint8Array, offset: number, length: number, id: number): number {
  const at = writeUint32(out, offset, length);
  out[at] = id;
  return at + 1;
}

function writeUint32(out: Uint8Array, offset: number, value: number): number {
  out[offset] = value >>> 24;
  out[offset + 1] = value >>> 16;
  out[offset + 2] = value >>> 8;
  out[offset + 3] = value;
  return offset + 4;
}
