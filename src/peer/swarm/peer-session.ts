import { ALLOWED_FAST_PIECES, allowedFastPieces } from '../../bittorrent/allowed-fast.ts';
import { parseIp } from '../../bittorrent/compact-peers.ts';
import { pieceBytes } from '../../bittorrent/content-layout.ts';
import type { PeerEndpoint } from '../../bittorrent/magnet.ts';
import {
  ALLOWED_FAST,
  BITFIELD_HEADER_BYTES,
  BLOCK_BYTES,
  type Block,
  CANCEL,
  CHOKE,
  encodeExtended,
  encodeHandshake,
  HANDSHAKE_BYTES,
  HAVE,
  HAVE_ALL,
  HAVE_NONE,
  type Handshake,
  INTERESTED,
  NOT_INTERESTED,
  type PeerFeatures,
  REJECT,
  REQUEST,
  UNCHOKE,
  writeBitfieldHeader,
} from '../../bittorrent/peer-wire.ts';
import { MAX_BLOCK_BYTES, PeerWireParser, type PeerWireReceiver } from '../../bittorrent/peer-wire-parser.ts';
import { FIRST_PIPELINE_BYTES, PIPELINE_SECONDS, RequestPipeline } from '../exchange/request-pipeline.ts';
import { SpeedMeter } from '../exchange/speed-meter.ts';
import { UploadQueue } from '../exchange/upload-queue.ts';
import type { PeerNumber } from '../picking/active-piece.ts';
import { Bitfield } from '../picking/bitfield.ts';
import { RemotePieces } from '../picking/remote-pieces.ts';
import { sha1 } from '../store/local-metainfo.ts';
import { isNearby } from '../transport/nearby.ts';
import { type PeerLink, type PeerLinkEvents, WANTED_UNSENT_BYTES } from '../transport/peer-transport.ts';
import { type ArrivalOwner, BlockArrival } from './block-arrival.ts';
import { MessageWriter } from './message-writer.ts';
import { type ExtensionsOwner, SessionExtensions } from './session-extensions.ts';

/** Requests of strangers may be so long, as libtorrent has it; longer ones are an attempt to make us read for nothing. */
export const MAX_REQUEST_BYTES = 128 * 1024;
/** Among peers of ours. */
export const LARGE_REQUEST_BYTES = MAX_BLOCK_BYTES;
/** Blocks that nobody asked for, or that came too late, beyond this are an attack. */
export const MAX_UNWANTED_BYTES = 16 * 1024 * 1024;
/** A peer that lets so much wait for it, and asks for more, is not one that only is slow. */
export const MAX_UNREAD_BYTES = 4 * WANTED_UNSENT_BYTES;
/** A peer that says nothing for so long is gone. */
export const SILENCE_MS = 150_000;
export const KEEP_ALIVE_MS = 90_000;
/** A peer that connected says who it is and what it wants within this time. */
export const HANDSHAKE_MS = 10_000;

const OUR_FEATURES: PeerFeatures = { extended: true, fast: true, dht: false };

/** What a session needs of the download that it belongs to. */
export interface SessionOwner extends ExtensionsOwner, ArrivalOwner {
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** The handshake is done. @returns why the peer is not to be let in; undefined: it is */
  admit(session: PeerSession, peerId: Uint8Array): string | undefined;
  /** A block is all there; `others` were asked for it too. */
  blockArrived(session: PeerSession, block: Block, others: readonly PeerNumber[]): void;
  /** The peer wants something, or does no more. */
  interestChanged(session: PeerSession): void;
  /** The peer told what it has. */
  piecesChanged(session: PeerSession): void;
  /** Requests wait in `uploads`. */
  uploadsWaiting(session: PeerSession): void;
  /** Bytes came, of whatever kind. */
  received(session: PeerSession, bytes: number): void;
  closed(session: PeerSession, reason: string): void;
}

/**
 * The conversation with one peer about one content: what either side has, wants and asks for. It answers for the rules of the
 * wire; what to ask for and whom to send to is decided by its owner.
 */
export class PeerSession implements PeerWireReceiver, PeerLinkEvents {
  readonly number: PeerNumber;
  readonly link: PeerLink;
  readonly out: MessageWriter;
  readonly uploads = new UploadQueue();
  readonly pipeline = new RequestPipeline(MAX_REQUESTS_BEFORE_TOLD);
  readonly connectedMs: number;
  /** The peer is in a network of one's own. */
  readonly isNearby: boolean;
  readonly downMeter: SpeedMeter;
  readonly upMeter: SpeedMeter;
  readonly pieces: RemotePieces;
  readonly extensions: SessionExtensions;
  /** What we say to the peer. */
  amChoking = true;
  amInterested = false;
  /** What the peer says to us. */
  isChoking = true;
  isInterested = false;
  /** 20 bytes; undefined before its handshake. */
  peerId: Uint8Array | undefined;
  /** Since when there was nothing that it could be asked for, though it has what is needed. */
  idleSinceMs: number | undefined;
  /** Unchoked, it did not send what it was asked for. */
  isSnubbing = false;
  /** Resolves when the peer said who it is, or the conversation ended without. */
  readonly greeted: Promise<void>;
  readonly #greet: () => void;
  readonly #owner: SessionOwner;
  readonly #parser = new PeerWireParser(this);
  #features: PeerFeatures = { extended: false, fast: false, dht: false };
  /** Pieces that may be asked for while it chokes (BEP 6). */
  readonly allowedPieces = new Set<number>();
  /** Pieces that the peer may ask for while we choke, and bytes that it asked for so. */
  readonly #givenFast = new Set<number>();
  #givenFastBytes = 0;
  #toldPieces = false;
  #sentHandshake = false;
  readonly #arrival: BlockArrival;
  #unwantedBytes = 0;
  #unchokedMs = Number.NEGATIVE_INFINITY;
  #heardMs: number;
  #heardBytes = 0;
  #saidMs: number;
  #closed = false;

  constructor(number: PeerNumber, link: PeerLink, owner: SessionOwner) {
    this.number = number;
    this.link = link;
    this.isNearby = isNearby(link.remote.host);
    this.out = new MessageWriter(link);
    const greeted = Promise.withResolvers<void>();
    this.greeted = greeted.promise;
    this.#greet = greeted.resolve;
    this.#owner = owner;
    this.#arrival = new BlockArrival(number, owner, this.pipeline);
    this.pieces = new RemotePieces(owner.info.pieceCount, owner.picker);
    this.extensions = new SessionExtensions(owner, link.remote, {
      send: (extension, payload) => this.out.parts([encodeExtended(extension, payload)]),
      hasRoom: () => this.link.unsentBytes < WANTED_UNSENT_BYTES,
      requestQueueTold: (requests) => {
        this.pipeline.maxRequests = requests;
      },
      pieceLost: (piece) => this.#lose(piece),
    });
    const now = owner.now();
    this.connectedMs = now;
    this.#heardMs = now;
    this.#saidMs = now;
    this.downMeter = new SpeedMeter(now);
    this.upMeter = new SpeedMeter(now);
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  get isEstablished(): boolean {
    return this.peerId !== undefined;
  }

  /** The peer said more than who it is. */
  get isTalking(): boolean {
    return this.#heardBytes > HANDSHAKE_BYTES;
  }

  /** Where others reach the peer; undefined for one that came to us and does not say. */
  get endpoint(): PeerEndpoint | undefined {
    if (!this.link.incoming) return this.link.remote;
    const { listenPort } = this.extensions;
    return listenPort === undefined ? undefined : { host: this.link.remote.host, port: listenPort };
  }

  /** The longest request that the peer answers. */
  get requestBytes(): number {
    return this.extensions.hasLargeRequests ? LARGE_REQUEST_BYTES : BLOCK_BYTES;
  }

  /** What to ask of it now, in bytes; 0 when enough is asked for. */
  get requestRoom(): number {
    const now = this.#owner.now();
    const speed = this.downMeter.bytesPerSecond(now);
    // A low speed says something only when there was time for a higher one.
    const isFresh = now - this.#unchokedMs < FRESH_MS && speed * PIPELINE_SECONDS < FIRST_PIPELINE_BYTES;
    return this.pipeline.room(isFresh ? undefined : speed, this.requestBytes);
  }

  /** Whether it takes too long for the block that is arriving. */
  get isDripping(): boolean {
    return this.#arrival.isDripping(this.#owner.now());
  }

  /** Begins a conversation with a peer that we connected to. One that came to us is begun by its handshake, as a chunk. */
  start(): void {
    this.#sayHello();
    this.link.start(this);
  }

  // ---- What the link says ----

  chunk(bytes: Uint8Array): void {
    this.#hear(bytes.length, () => this.#parser.push(bytes));
  }

  /** The rest of a long block goes to its piece right away. */
  place(): Uint8Array | undefined {
    const { arriving } = this.#parser;
    return arriving && !this.#closed ? this.#arrival.place(arriving.block, arriving.offset) : undefined;
  }

  placed(count: number): void {
    this.#hear(count, () => {
      const { block, offset } = this.#parser.arriving!;
      this.#parser.skip(count);
      this.#countPart(count);
      this.#partArrived(block, offset + count);
    });
  }

  drained(): void {
    if (this.uploads.size > 0) this.#owner.uploadsWaiting(this);
  }

  closed(error: Error | undefined): void {
    this.close(error?.message ?? 'the peer closed the connection');
  }

  /** Ends the conversation; its requests are released. Can be called twice. */
  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#greet();
    this.link.close();
    this.#owner.picker.release(this.number, this.pipeline.clear());
    this.uploads.clear();
    // Whether to come back depends on what the peer has.
    this.#owner.closed(this, reason);
    this.pieces.clear();
  }

  /** To be called now and then: keeps alive, and ends what is dead. */
  tick(nowMs: number): void {
    if (!this.isEstablished && nowMs - this.connectedMs >= HANDSHAKE_MS) this.close('no handshake came');
    else if (nowMs - this.#heardMs >= SILENCE_MS) this.close('the peer is silent');
    else if (nowMs - this.#saidMs >= KEEP_ALIVE_MS) {
      this.#saidMs = nowMs;
      this.out.keepAlive();
    }
    if (!this.#closed) this.extensions.tellPeers(nowMs, this.endpoint ?? this.link.remote);
  }

  // ---- What we say ----

  ask(blocks: readonly Block[]): void {
    const now = this.#owner.now();
    for (const block of blocks) {
      this.pipeline.add(now, block);
      this.out.block(REQUEST, block);
    }
  }

  /** A block came from elsewhere. */
  cancelRequest(block: Block): void {
    for (const asked of this.pipeline.within(block)) {
      this.out.block(CANCEL, asked);
      // With the fast extension an answer comes, a block or a refusal; without, none may.
      if (!this.#features.fast) this.#forget(asked);
    }
  }

  setInterested(interested: boolean): void {
    if (interested === this.amInterested) return;
    this.amInterested = interested;
    this.out.signal(interested ? INTERESTED : NOT_INTERESTED);
  }

  setChoking(choking: boolean): void {
    if (choking === this.amChoking) return;
    this.amChoking = choking;
    this.out.signal(choking ? CHOKE : UNCHOKE);
    if (!choking) return;
    const refused = this.uploads.clear();
    if (this.#features.fast) for (const block of refused) this.out.block(REJECT, block);
  }

  tellHave(piece: number): void {
    // Who has it does not care, and most traffic of a swarm that is nearly done would be this.
    if (this.isEstablished && !this.pieces.bits.has(piece)) this.out.piece(HAVE, piece);
  }

  /** A request cannot be answered after all. */
  refuse(block: Block): void {
    if (this.#features.fast) this.out.block(REJECT, block);
  }

  // ---- What the peer says ----

  handshake({ infoHash, peerId, features }: Handshake): void {
    if (!infoHash.every((byte, i) => byte === this.#owner.info.infoHash[i])) {
      this.close('the peer speaks of another content');
      return;
    }
    this.peerId = peerId;
    this.#greet();
    this.#features = features;
    const refusal = this.#owner.admit(this, peerId);
    if (refusal !== undefined) {
      this.close(refusal);
      return;
    }
    // Who is refused does not learn whom it reached, and does not give up a connection that it has for this one.
    if (this.link.incoming) this.#sayHello();
    if (features.extended) this.extensions.sayHello();
    this.#sayPieces();
    this.#sayAllowedFast();
  }

  keepAlive(): void {}

  choke(): void {
    this.isChoking = true;
    // With the fast extension each request is refused by itself.
    if (!this.#features.fast) this.giveUpRequests();
  }

  unchoke(): void {
    this.isChoking = false;
    this.isSnubbing = false;
    this.#unchokedMs = this.#owner.now();
    this.#owner.piecesChanged(this);
  }

  interested(): void {
    this.isInterested = true;
    this.#owner.interestChanged(this);
  }

  notInterested(): void {
    this.isInterested = false;
    this.#owner.interestChanged(this);
  }

  have(piece: number): void {
    if (!this.#isPiece(piece)) return;
    this.#toldPieces = true;
    if (this.pieces.add(piece)) this.#owner.piecesChanged(this);
  }

  bitfield(bits: Uint8Array): void {
    if (this.#toldPieces) return;
    this.#setPieces(Bitfield.fromWire(bits, this.#owner.info.pieceCount));
  }

  haveAll(): void {
    if (!this.#toldPieces) this.#setPieces(Bitfield.full(this.#owner.info.pieceCount));
  }

  haveNone(): void {
    if (!this.#toldPieces) this.#setPieces(new Bitfield(this.#owner.info.pieceCount));
  }

  request(block: Block): void {
    const { info, have } = this.#owner;
    const { piece, begin, length } = block;
    const most = this.extensions.hasLargeRequests ? LARGE_REQUEST_BYTES : MAX_REQUEST_BYTES;
    if (!this.#isPiece(piece)) return;
    if (length === 0 || length > most || begin + length > pieceBytes(info, piece)) {
      this.close(`the peer asked for ${length} bytes at ${begin} of piece ${piece}, which cannot be`);
    } else if (!have.has(piece) || (this.amChoking && !this.#mayAskChoked(block)) || !this.uploads.add(block)) {
      this.refuse(block);
    } else {
      this.#owner.uploadsWaiting(this);
    }
  }

  cancel(block: Block): void {
    if (this.uploads.cancel(block)) this.refuse(block);
  }

  blockPart(block: Block, offset: number, part: Uint8Array): void {
    this.#countPart(part.length);
    if (!this.#arrival.take(this.#heardMs, block, offset, part)) this.#countUnwanted(part.length);
    this.#partArrived(block, offset + part.length);
  }

  #countPart(bytes: number): void {
    this.downMeter.add(this.#heardMs, bytes);
    this.pipeline.heard(this.#heardMs);
  }

  /** @param arrived bytes of the block that came so far */
  #partArrived(block: Block, arrived: number): void {
    if (arrived < block.length || this.#closed) return;
    const wanted = this.#arrival.end();
    const asked = this.pipeline.remove(block);
    this.isSnubbing = false;
    const active = this.#owner.picker.active(block.piece);
    if (wanted && active) this.#owner.blockArrived(this, block, active.endBlock(this.number, block));
    else if (asked) this.#owner.picker.release(this.number, [block]);
  }

  port(): void {
    // A DHT node (BEP 5), of which there is none here.
  }

  suggest(): void {
    // What a peer has in its cache matters to nobody who asks for the rarest first.
  }

  reject(block: Block): void {
    if (!this.pipeline.has(block)) return;
    this.#forget(block);
    if (this.isChoking) this.allowedPieces.delete(block.piece);
    this.#owner.piecesChanged(this);
  }

  allowedFast(piece: number): void {
    if (!this.#isPiece(piece) || this.allowedPieces.size >= MAX_ALLOWED_FAST) return;
    this.allowedPieces.add(piece);
    if (this.isChoking) this.#owner.piecesChanged(this);
  }

  extended(extension: number, payload: Uint8Array): void {
    this.extensions.hear(extension, payload);
  }

  /** All that was asked for is to be asked of others. */
  giveUpRequests(): void {
    this.#arrival.giveUp();
    this.#owner.picker.release(this.number, this.pipeline.clear());
    this.#owner.piecesChanged(this);
  }

  /** @param take what is done with the next bytes, so many */
  #hear(bytes: number, take: () => void): void {
    if (this.#closed) return;
    this.#heardMs = this.#owner.now();
    this.#heardBytes += bytes;
    try {
      take();
    } catch (error) {
      this.close((error as Error).message);
      return;
    }
    // What is sent to it is bounded; what is answered to it is so by its own questions only.
    if (this.link.unsentBytes > MAX_UNREAD_BYTES) this.close('the peer asks, and does not read the answers');
    else this.#owner.received(this, bytes);
  }

  #sayHello(): void {
    if (this.#sentHandshake) return;
    this.#sentHandshake = true;
    const { info, peerId } = this.#owner;
    this.out.parts([encodeHandshake({ infoHash: info.infoHash, peerId, features: OUR_FEATURES })]);
  }

  #sayPieces(): void {
    const { have } = this.#owner;
    if (this.#features.fast && (have.isFull || have.count === 0)) {
      this.out.signal(have.isFull ? HAVE_ALL : HAVE_NONE);
    } else if (have.count > 0) {
      const message = new Uint8Array(BITFIELD_HEADER_BYTES + have.bytes.length);
      message.set(have.bytes, writeBitfieldHeader(message, 0, have.bytes.length));
      this.out.parts([message]);
    }
  }

  /** BEP 6: pieces with which a newcomer can begin before it is unchoked. */
  #sayAllowedFast(): void {
    const { have, info } = this.#owner;
    const ip = parseIp(this.link.remote.host);
    if (!this.#features.fast || !ip) return;
    for (const piece of allowedFastPieces(ip, info.infoHash, info.pieceCount, sha1)) {
      if (!have.has(piece)) continue;
      this.#givenFast.add(piece);
      this.out.piece(ALLOWED_FAST, piece);
    }
  }

  /** Once each of those pieces, and nothing when it has begun. */
  #mayAskChoked({ piece, length }: Block): boolean {
    const { pieceLength } = this.#owner.info;
    if (!this.#givenFast.has(piece) || this.pieces.bits.count >= ALLOWED_FAST_PIECES) return false;
    this.#givenFastBytes += length;
    return this.#givenFastBytes <= this.#givenFast.size * pieceLength;
  }

  #setPieces(bits: Bitfield): void {
    this.#toldPieces = true;
    this.pieces.set(bits);
    this.#owner.piecesChanged(this);
  }

  #lose(piece: number): void {
    if (!this.#isPiece(piece)) return;
    this.pieces.remove(piece);
    this.#owner.piecesChanged(this);
  }

  #countUnwanted(bytes: number): void {
    this.#unwantedBytes += bytes;
    if (this.#unwantedBytes > MAX_UNWANTED_BYTES) this.close('the peer sends what nobody asked for');
  }

  #forget(block: Block): void {
    if (!this.pipeline.remove(block)) return;
    // It may be the very one that is arriving.
    this.#arrival.giveUp();
    this.#owner.picker.release(this.number, [block]);
  }

  #isPiece(piece: number): boolean {
    if (piece < this.#owner.info.pieceCount) return true;
    this.close(`the peer speaks of piece ${piece}; there are ${this.#owner.info.pieceCount}`);
    return false;
  }
}

/** After it unchoked, a peer is asked for no less than one that nothing is known of. */
const FRESH_MS = 5_000;
/** Until the peer says its own number (`reqq`): no client keeps fewer. */
const MAX_REQUESTS_BEFORE_TOLD = 128;
const MAX_ALLOWED_FAST = 100;
