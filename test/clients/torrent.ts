import { createHash, randomBytes } from 'node:crypto';
import { encode } from '../../src/bittorrent/bencode.ts';

/** Twelve pieces, the last one short: enough to be asked for one by one. */
const PIECE_BYTES = 256 * 1024;
const CONTENT_BYTES = 3_000_000;

/** A file of random bytes that nobody has seen before. */
export class Torrent {
  readonly name: string;
  readonly content: Uint8Array;
  /** SHA-1 of the info dictionary, 20 bytes. */
  readonly infoHash: Uint8Array;
  readonly #info: Record<string, string | number | Uint8Array>;

  constructor() {
    this.name = `${randomBytes(4).toString('hex')}.bin`;
    this.content = randomBytes(CONTENT_BYTES);
    // Private (BEP 27): clients may learn of peers from the tracker alone.
    const pieces = hashPieces(this.content);
    this.#info = { length: CONTENT_BYTES, name: this.name, 'piece length': PIECE_BYTES, pieces, private: 1 };
    this.infoHash = sha1(encode(this.#info));
  }

  /** The .torrent file (BEP 3). The tracker is no part of what is hashed. */
  metainfo(announceUrl: string): Uint8Array {
    return encode({ announce: announceUrl, info: this.#info });
  }
}

function hashPieces(content: Uint8Array): Uint8Array {
  const hashes: Uint8Array[] = [];
  for (let start = 0; start < content.length; start += PIECE_BYTES) {
    hashes.push(sha1(content.subarray(start, start + PIECE_BYTES)));
  }
  return Buffer.concat(hashes);
}

function sha1(bytes: Uint8Array): Uint8Array {
  return createHash('sha1').update(bytes).digest();
}
