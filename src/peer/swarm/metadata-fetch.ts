import {
  EXTENDED_HANDSHAKE,
  type ExtendedHandshake,
  encodeExtendedHandshake,
  parseExtendedHandshake,
  UT_METADATA,
} from '../../bittorrent/extension-protocol.ts';
import type { PeerEndpoint } from '../../bittorrent/magnet.ts';
import {
  encodeMetadataMessage,
  MAX_METADATA_BYTES,
  METADATA_PIECE_BYTES,
  metadataPieceCount,
  parseMetadataMessage,
} from '../../bittorrent/metadata-exchange.ts';
import { encodeExtended, encodeHandshake, type Handshake } from '../../bittorrent/peer-wire.ts';
import { PeerWireParser, type PeerWireReceiver } from '../../bittorrent/peer-wire-parser.ts';
import { sha1 } from '../store/local-metainfo.ts';
import type { PeerLink, PeerTransport } from '../transport/peer-transport.ts';
import type { Candidates } from './candidates.ts';
import type { Handshakes } from './handshakes.ts';

/** Peers that are asked at the same time, each for all of it: it is small, and the first who sends it right is enough. */
export const MAX_ASKED = 5;
/** A peer sends all of it within this time, or others are asked. */
export const METADATA_MS = 30_000;
/** Pieces under way from one peer. */
const MAX_REQUESTED = 4;
/** When everybody was tried. */
const LOOK_AGAIN_MS = 500;
/** The number by which peers are to call the extension here. */
const OUR_NUMBER = 1;

export interface MetadataFetchOptions {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  readonly peerId: Uint8Array;
  readonly transport: PeerTransport;
  /** Grows while it fetches, as trackers tell. */
  readonly candidates: Candidates;
  readonly handshakes: Handshakes;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/**
 * Fetches an info dictionary from peers (BEP 9) until one sends what the info-hash says. A peer that sends something else is
 * banned.
 * @throws the signal's reason
 */
export async function fetchMetadata(options: MetadataFetchOptions): Promise<Uint8Array> {
  const { infoHash, candidates, handshakes, now, signal } = options;
  const found = new AbortController();
  const until = AbortSignal.any([signal, found.signal]);
  let info: Uint8Array | undefined;
  const ask = async (endpoint: PeerEndpoint) => {
    const bytes = await askPeer(options, endpoint, until);
    candidates.ended(now(), endpoint, bytes !== undefined);
    if (!bytes || info) return;
    if (sha1(bytes).every((byte, i) => byte === infoHash[i])) {
      info = bytes;
      found.abort();
    } else {
      candidates.ban(endpoint.host);
    }
  };
  const asked = new Set<Promise<void>>();
  while (!info) {
    signal.throwIfAborted();
    const isFree = (each: PeerEndpoint) => !handshakes.isUnderWay(each);
    const endpoint = asked.size < MAX_ASKED ? candidates.next(now(), isFree) : undefined;
    if (endpoint) {
      const asking = ask(endpoint).finally(() => asked.delete(asking));
      asked.add(asking);
    } else {
      await Promise.race([...asked, pause(LOOK_AGAIN_MS, until, handshakes)]);
    }
  }
  await Promise.all(asked);
  // Who was asked in vain or cut off may be asked for pieces at once.
  candidates.retryAll();
  return info;
}

/** All of it from one peer, unverified; undefined when the peer does not have it, is too slow, or breaks the rules. */
async function askPeer(options: MetadataFetchOptions, endpoint: PeerEndpoint, signal: AbortSignal) {
  const until = AbortSignal.any([signal, AbortSignal.timeout(METADATA_MS)]);
  const over = options.handshakes.begin(endpoint);
  let link: PeerLink;
  try {
    link = await options.transport.connect(endpoint, { signal: until });
  } catch {
    // Most addresses are of peers that are gone.
    over();
    return undefined;
  }
  return new Promise<Uint8Array | undefined>((resolve) => {
    const conversation = new MetadataConversation(link, options, over, (bytes) => {
      over();
      until.removeEventListener('abort', end);
      link.close();
      resolve(bytes);
    });
    const end = () => conversation.end();
    until.addEventListener('abort', end);
    if (until.aborted) end();
  });
}

/** With one peer, about nothing but the metadata. */
class MetadataConversation implements PeerWireReceiver {
  readonly #link: PeerLink;
  readonly #infoHash: Uint8Array;
  readonly #greeted: () => void;
  readonly #done: (bytes: Uint8Array | undefined) => void;
  /** The peer's number of the extension. */
  #number: number | undefined;
  #totalBytes = 0;
  /** As they came; room is taken for what is there, not for what is said to come. */
  readonly #pieces = new Map<number, Uint8Array>();
  #nextPiece = 0;
  #ended = false;

  constructor(
    link: PeerLink,
    options: MetadataFetchOptions,
    greeted: () => void,
    done: (bytes: Uint8Array | undefined) => void,
  ) {
    this.#link = link;
    this.#infoHash = options.infoHash;
    this.#greeted = greeted;
    this.#done = done;
    const features = { extended: true, fast: true, dht: false };
    link.write([encodeHandshake({ infoHash: options.infoHash, peerId: options.peerId, features })]);
    const parser = new PeerWireParser(this);
    link.start({
      chunk: (bytes) => {
        if (this.#ended) return;
        try {
          parser.push(bytes);
        } catch {
          // Whatever it said: somebody else is asked.
          this.end();
        }
      },
      drained: () => {},
      closed: () => this.end(),
    });
  }

  end(bytes?: Uint8Array): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#done(bytes);
  }

  handshake({ infoHash, features }: Handshake): void {
    this.#greeted();
    if (!features.extended || !infoHash.every((byte, i) => byte === this.#infoHash[i])) {
      this.end();
      return;
    }
    const handshake: ExtendedHandshake = { extensions: new Map([[UT_METADATA, OUR_NUMBER]]) };
    this.#link.write([encodeExtended(EXTENDED_HANDSHAKE, encodeExtendedHandshake(handshake))]);
  }

  extended(extension: number, payload: Uint8Array): void {
    if (extension === EXTENDED_HANDSHAKE) this.#begin(parseExtendedHandshake(payload));
    else if (extension === OUR_NUMBER) this.#take(payload);
  }

  #begin({ extensions, metadataBytes = 0 }: ExtendedHandshake): void {
    const number = extensions.get(UT_METADATA);
    if (this.#number !== undefined) return;
    if (!number || metadataBytes === 0 || metadataBytes > MAX_METADATA_BYTES) {
      this.end();
      return;
    }
    this.#number = number;
    this.#totalBytes = metadataBytes;
    for (let i = 0; i < MAX_REQUESTED; i++) this.#request();
  }

  #request(): void {
    if (this.#number === undefined || this.#nextPiece >= metadataPieceCount(this.#totalBytes)) return;
    const message = encodeMetadataMessage({ type: 'request', piece: this.#nextPiece++ });
    this.#link.write([encodeExtended(this.#number, message)]);
  }

  #take(payload: Uint8Array): void {
    const message = parseMetadataMessage(payload);
    if (message?.type !== 'data' && message?.type !== 'reject') return;
    const isOfUse =
      message.type === 'data' && message.totalBytes === this.#totalBytes && message.piece < this.#nextPiece;
    if (!isOfUse) {
      this.end();
      return;
    }
    this.#pieces.set(message.piece, new Uint8Array(message.data));
    if (this.#pieces.size < metadataPieceCount(this.#totalBytes)) {
      this.#request();
      return;
    }
    const bytes = new Uint8Array(this.#totalBytes);
    for (const [piece, data] of this.#pieces) bytes.set(data, piece * METADATA_PIECE_BYTES);
    this.end(bytes);
  }

  // What else a peer says does not matter here; it is choked, and asked for nothing else.
  keepAlive(): void {}
  choke(): void {}
  unchoke(): void {}
  interested(): void {}
  notInterested(): void {}
  have(): void {}
  bitfield(): void {}
  request(): void {}
  cancel(): void {}
  blockPart(): void {}
  port(): void {}
  suggest(): void {}
  haveAll(): void {}
  haveNone(): void {}
  reject(): void {}
  allowedFast(): void {}
}

/** Until somebody may be free to be asked. */
function pause(ms: number, signal: AbortSignal, handshakes: Handshakes): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      forget();
      resolve();
    };
    const timer = setTimeout(end, ms);
    const forget = handshakes.onOver(end);
    signal.addEventListener('abort', end);
  });
}
