import {
  DONTHAVE_BYTES,
  EXTENDED_HANDSHAKE,
  type ExtendedHandshake,
  encodeExtendedHandshake,
  LT_DONTHAVE,
  parseExtendedHandshake,
  UT_METADATA,
  UT_PEX,
} from '../../bittorrent/extension-protocol.ts';
import type { PeerEndpoint } from '../../bittorrent/magnet.ts';
import {
  encodeMetadataMessage,
  METADATA_PIECE_BYTES,
  metadataPieceCount,
  parseMetadataMessage,
} from '../../bittorrent/metadata-exchange.ts';
import type { TorrentInfo } from '../../bittorrent/metainfo.ts';
import { type ExchangedPeer, encodePeerExchange, parsePeerExchange } from '../../bittorrent/peer-exchange.ts';
import { readUint32 } from '../../bittorrent/peer-wire.ts';
import { MAX_QUEUED_REQUESTS } from '../exchange/upload-queue.ts';
import { PexListener } from '../pex/pex-listener.ts';
import { PexTeller } from '../pex/pex-teller.ts';
import type { Bitfield } from '../picking/bitfield.ts';

/** Pieces of metadata that one peer is given: all of it a few times. */
const MAX_METADATA_SERVED = 4096;
/** The extension of peers of ours: longer requests than strangers may make. It has no messages, only its name. */
const LARGE_REQUESTS = 'sk_large_requests';
/** The numbers by which peers are to call the extensions here (BEP 10). */
const OUR_NUMBERS = new Map([
  [UT_METADATA, 1],
  [UT_PEX, 2],
  [LT_DONTHAVE, 3],
  [LARGE_REQUESTS, 4],
]);
const CLIENT_NAME = 'Swarmkeeper';

/** What the extensions of a session need of its download. */
export interface ExtensionsOwner {
  readonly info: TorrentInfo;
  /** What is there, to be sent. */
  readonly have: Bitfield;
  /** Where we listen. */
  readonly port: number | undefined;
  now(): number;
  /** A peer told of others that may be worth trying. */
  peersTold(peers: readonly PeerEndpoint[]): void;
  /** Peers that others may be told of. */
  knownPeers(): Iterable<ExchangedPeer>;
  /** How a peer sees us (BEP 10). */
  ownHostTold(host: string): void;
}

/** What it needs of the session itself. */
export interface ExtensionsEvents {
  send(extension: number, payload: Uint8Array): void;
  /** Whether the peer reads what it is sent. */
  hasRoom(): boolean;
  /** The peer keeps so many requests waiting. */
  requestQueueTold(requests: number): void;
  /** BEP 54: the peer has a piece no more. */
  pieceLost(piece: number): void;
}

/** The extended messages of one conversation (BEP 10): metadata for others (BEP 9), PEX (BEP 11), lost pieces (BEP 54). */
export class SessionExtensions {
  /** The peer's client and version, for people. */
  client = '';
  /** Where the peer listens, when it says so. */
  listenPort: number | undefined;
  readonly #owner: ExtensionsOwner;
  readonly #events: ExtensionsEvents;
  readonly #remote: PeerEndpoint;
  /** The peer's numbers of extensions. */
  readonly #numbers = new Map<string, number>();
  readonly #pexListener: PexListener;
  readonly #pexTeller: PexTeller;
  #metadataServed = 0;

  constructor(owner: ExtensionsOwner, remote: PeerEndpoint, events: ExtensionsEvents) {
    this.#owner = owner;
    this.#remote = remote;
    this.#events = events;
    this.#pexListener = new PexListener(owner.info.isPrivate);
    this.#pexTeller = new PexTeller(owner.info.isPrivate);
  }

  /** It is a peer of ours, that asks and answers in larger blocks. */
  get hasLargeRequests(): boolean {
    return this.#numbers.has(LARGE_REQUESTS);
  }

  /** Our extended handshake. */
  sayHello(): void {
    const { info, have, port } = this.#owner;
    const handshake: ExtendedHandshake = {
      extensions: info.isPrivate ? new Map([...OUR_NUMBERS].filter(([name]) => name !== UT_PEX)) : OUR_NUMBERS,
      client: CLIENT_NAME,
      requestQueue: MAX_QUEUED_REQUESTS,
      metadataBytes: info.infoBytes.length,
      yourHost: this.#remote.host,
      ...(port === undefined ? {} : { port }),
      ...(have.isFull ? { uploadOnly: true } : {}),
    };
    this.#events.send(EXTENDED_HANDSHAKE, encodeExtendedHandshake(handshake));
  }

  /** BEP 54: a piece that was announced is gone. */
  tellDontHave(piece: number): void {
    const number = this.#numbers.get(LT_DONTHAVE);
    if (number) this.#events.send(number, Uint8Array.of(piece >>> 24, piece >>> 16, piece >>> 8, piece));
  }

  /** PEX, when it is due. @param receiver the peer, by the address that others know it by */
  tellPeers(nowMs: number, receiver: PeerEndpoint): void {
    const number = this.#numbers.get(UT_PEX);
    if (!number) return;
    const news = this.#pexTeller.next(nowMs, this.#owner.knownPeers(), receiver);
    if (news) this.#events.send(number, encodePeerExchange(news));
  }

  /**
   * @param extension 0, or one of our numbers; others are passed over
   * @throws {ExtensionProtocolError}
   */
  hear(extension: number, payload: Uint8Array): void {
    if (extension === EXTENDED_HANDSHAKE) this.#hearHello(parseExtendedHandshake(payload));
    else if (extension === OUR_NUMBERS.get(UT_METADATA)) this.#serveMetadata(payload);
    else if (extension === OUR_NUMBERS.get(UT_PEX)) this.#hearPeers(payload);
    else if (extension === OUR_NUMBERS.get(LT_DONTHAVE) && payload.length === DONTHAVE_BYTES) {
      this.#events.pieceLost(readUint32(payload, 0));
    }
  }

  #hearHello(handshake: ExtendedHandshake): void {
    for (const [name, number] of handshake.extensions) {
      if (number === 0) this.#numbers.delete(name);
      else if (OUR_NUMBERS.has(name)) this.#numbers.set(name, number);
    }
    if (handshake.client !== undefined) this.client = handshake.client;
    if (handshake.port !== undefined) this.listenPort = handshake.port;
    if (handshake.requestQueue !== undefined) this.#events.requestQueueTold(handshake.requestQueue);
    if (handshake.yourHost !== undefined) this.#owner.ownHostTold(handshake.yourHost);
  }

  #hearPeers(payload: Uint8Array): void {
    const peers = this.#pexListener.hear(this.#owner.now(), parsePeerExchange(payload), this.#remote);
    if (peers.length > 0) this.#owner.peersTold(peers);
  }

  /** To who has a magnet link only. */
  #serveMetadata(payload: Uint8Array): void {
    const message = parseMetadataMessage(payload);
    const number = this.#numbers.get(UT_METADATA);
    if (message?.type !== 'request' || !number) return;
    const { infoBytes } = this.#owner.info;
    const { piece } = message;
    const at = piece * METADATA_PIECE_BYTES;
    const isThere = piece < metadataPieceCount(infoBytes.length) && this.#events.hasRoom();
    const refused = !isThere || ++this.#metadataServed > MAX_METADATA_SERVED;
    const answer = refused
      ? encodeMetadataMessage({ type: 'reject', piece })
      : encodeMetadataMessage({
          type: 'data',
          piece,
          totalBytes: infoBytes.length,
          data: infoBytes.subarray(at, at + METADATA_PIECE_BYTES),
        });
    this.#events.send(number, answer);
  }
}
