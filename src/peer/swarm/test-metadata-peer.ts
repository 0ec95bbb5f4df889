import assert from 'node:assert/strict';
import {
  EXTENDED_HANDSHAKE,
  encodeExtendedHandshake,
  parseExtendedHandshake,
  UT_METADATA,
} from '../../bittorrent/extension-protocol.ts';
import {
  encodeMetadataMessage,
  METADATA_PIECE_BYTES,
  parseMetadataMessage,
} from '../../bittorrent/metadata-exchange.ts';
import { encodeExtended } from '../../bittorrent/peer-wire.ts';
import type { PeerLink } from '../transport/peer-transport.ts';
import { TestPeer } from './test-peer.ts';

/** The number by which it is to be told of metadata. */
const NUMBER = 7;

/** A peer that has the metadata of a content, or lies about it. */
export class MetadataPeer extends TestPeer {
  metadata: Uint8Array;
  claimedBytes: number | undefined;
  #number = 0;

  constructor(link: PeerLink, { infoHash, infoBytes }: { infoHash: Uint8Array; infoBytes: Uint8Array }) {
    const peerId = new TextEncoder().encode('-XX0000-abcdefghijkl');
    super(link, { infoHash, peerId, features: { extended: true, fast: false, dht: false } });
    this.metadata = infoBytes;
  }

  override extended = (extension: number, payload: Uint8Array) => {
    if (extension === EXTENDED_HANDSHAKE) {
      this.#number = parseExtendedHandshake(payload).extensions.get(UT_METADATA) ?? 0;
      const metadataBytes = this.claimedBytes ?? this.metadata.length;
      const handshake = { extensions: new Map([[UT_METADATA, NUMBER]]), metadataBytes };
      this.out.parts([encodeExtended(EXTENDED_HANDSHAKE, encodeExtendedHandshake(handshake))]);
      return;
    }
    assert.equal(extension, NUMBER);
    const message = parseMetadataMessage(payload);
    if (message?.type === 'request') this.answer(message.piece);
  };

  answer(piece: number): void {
    const at = piece * METADATA_PIECE_BYTES;
    const data = this.metadata.subarray(at, at + METADATA_PIECE_BYTES);
    this.say(encodeMetadataMessage({ type: 'data', piece, totalBytes: this.metadata.length, data }));
  }

  say(payload: Uint8Array): void {
    this.out.parts([encodeExtended(this.#number, payload)]);
  }
}
