import { pieceBytes } from '../../bittorrent/content-layout.ts';
import { formatInfoHash } from '../../bittorrent/info-hash.ts';
import type { PeerEndpoint } from '../../bittorrent/magnet.ts';
import type { TorrentInfo } from '../../bittorrent/metainfo.ts';
import type { ExchangedPeer } from '../../bittorrent/peer-exchange.ts';
import { peerPriority } from '../../bittorrent/peer-priority.ts';
import type { Block } from '../../bittorrent/peer-wire.ts';
import { Choker, DEFAULT_UPLOAD_SLOTS, RECHOKE_MS } from '../exchange/choker.ts';
import type { RateLimiter } from '../exchange/rate-limiter.ts';
import { SpeedMeter } from '../exchange/speed-meter.ts';
import type { PeerNumber } from '../picking/active-piece.ts';
import type { Random } from '../picking/availability.ts';
import { Bitfield } from '../picking/bitfield.ts';
import { PiecePicker } from '../picking/piece-picker.ts';
import type { Storage } from '../store/storage.ts';
import type { StoreError } from '../store/storage-messages.ts';
import type { PeerLink } from '../transport/peer-transport.ts';
import { Candidates } from './candidates.ts';
import { PeerSession, type SessionOwner } from './peer-session.ts';
import { PieceIntake } from './piece-intake.ts';
import { ReceiveBrake } from './receive-brake.ts';
import { sparedBytes } from './spared-seeds.ts';
import { CONNECTED_ALREADY, TwinConnections } from './twin-connections.ts';
import { Uploader } from './uploader.ts';

/** Memory for pieces that are in the works, of one download; two pieces at least. */
export const PIECE_MEMORY_BYTES = 24 * 1024 * 1024;
export const MAX_SESSIONS = 80;
/** Who seeds connects to others while it has fewer: there must be room for those that come by themselves. */
export const ENOUGH_TO_SEED = MAX_SESSIONS / 2;
/** A peer that could send, and is asked for nothing so long since others were asked for all there is room for, is asked too. */
export const STARVING_MS = 2_000;
/** Pieces that are hashed where they lie at the same time: two threads have a pair in hand and one before them. */
export const CHECKS_UNDER_WAY = 8;

/** What could not be written was not there before either: all that was stays as it is. */
const HARMLESS_FAILURES: ReadonlySet<string> = new Set(['DISK_FULL', 'UNWRITABLE']);

/** `paused` by hand or, with a reason, since something is wrong with the files. */
export type DownloadState = 'checking' | 'downloading' | 'seeding' | 'paused';

export interface DownloadOptions {
  readonly info: TorrentInfo;
  readonly storage: Storage;
  /** What was there and verified when it was opened, and what is to be hashed. */
  readonly have: Bitfield;
  readonly doubtful: Bitfield;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  readonly port: () => number | undefined;
  readonly now: () => number;
  readonly random: Random;
  readonly uploadSlots?: number;
  readonly sequential?: boolean;
  readonly uploadLimiter: RateLimiter;
  readonly downloadLimiter: RateLimiter;
}

export type DownloadEvent =
  | { readonly type: 'state'; readonly state: DownloadState; readonly reason: string | undefined }
  | { readonly type: 'piece'; readonly piece: number }
  | { readonly type: 'banned'; readonly host: string }
  | { readonly type: 'done' };

/** One content: fetched from whoever has it, and sent to whoever wants it. */
export class Download implements SessionOwner {
  readonly info: TorrentInfo;
  /** The info-hash, 40 digits. */
  readonly sha1: string;
  readonly have: Bitfield;
  readonly picker: PiecePicker;
  readonly peerId: Uint8Array;
  readonly candidates = new Candidates();
  readonly downMeter: SpeedMeter;
  readonly upMeter: SpeedMeter;
  readonly sessions = new Map<PeerNumber, PeerSession>();
  readonly #options: DownloadOptions;
  readonly #storage: Storage;
  readonly #choker: Choker<PeerNumber>;
  readonly #uploader: Uploader;
  readonly #intake: PieceIntake;
  /** Complete pieces on their way to the disk; none of these fails. */
  readonly #takes = new Set<Promise<void>>();
  readonly #listeners = new Set<(event: DownloadEvent) => void>();
  readonly #brake: ReceiveBrake;
  readonly #twins: TwinConnections;
  #doubtful: Bitfield;
  #checkMeter: SpeedMeter;
  #bytesToCheck = 0;
  /** Files were found to be others than they should: nobody knows what else is. */
  #mustRecheck = false;
  #state: DownloadState = 'checking';
  #reason: string | undefined;
  #nextNumber = 1;
  /** This machine as a peer saw it last. */
  #ownHost = '0.0.0.0';
  #rechokedMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: DownloadOptions) {
    const {
      info,
      storage,
      have,
      doubtful,
      now,
      random,
      uploadSlots = DEFAULT_UPLOAD_SLOTS,
      sequential = false,
    } = options;
    this.#options = options;
    this.info = info;
    this.sha1 = formatInfoHash(info.infoHash);
    this.have = have;
    this.#doubtful = doubtful;
    this.peerId = options.peerId;
    this.#twins = new TwinConnections(options.peerId);
    this.#storage = storage;
    const maxActive = Math.max(2, Math.floor(PIECE_MEMORY_BYTES / info.pieceLength));
    this.picker = new PiecePicker({ layout: info, have, random, maxActive, sequential });
    this.#intake = new PieceIntake({ info, picker: this.picker, storage, sha1: this.sha1, maxActive });
    this.#choker = new Choker({ slots: uploadSlots, random });
    this.downMeter = new SpeedMeter(now());
    this.upMeter = new SpeedMeter(now());
    this.#checkMeter = new SpeedMeter(now());
    this.#brake = new ReceiveBrake(options.downloadLimiter, now);
    this.#uploader = new Uploader({
      sendsToSeveral: () => this.#sendsToSeveral(),
      cachedRange: ({ piece, begin, length }) =>
        storage.cachedRange(this.sha1, piece * info.pieceLength + begin, length),
      readCached: ({ piece, begin }, into) => storage.readCached(this.sha1, piece * info.pieceLength + begin, into),
      read: ({ piece, begin }, into) => storage.read(this.sha1, piece * info.pieceLength + begin, into),
      limiter: options.uploadLimiter,
      now,
      sent: (session, bytes) => {
        session.upMeter.add(now(), bytes);
        this.upMeter.add(now(), bytes);
      },
      failed: (_, error) => this.#failed(error as StoreError),
    });
  }

  get state(): DownloadState {
    return this.#state;
  }

  /** Why it is paused, when nobody asked for it. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Whether it connects to candidates. Who seeds does as well: those that wait may not know of it, or not reach it. */
  get seeksPeers(): boolean {
    if (this.#state === 'seeding') return this.sessions.size < ENOUGH_TO_SEED;
    return this.#state === 'downloading';
  }

  get port(): number | undefined {
    return this.#options.port();
  }

  /** Bytes that are there and verified. */
  get bytesDone(): number {
    const { info, have } = this;
    const last = info.pieceCount - 1;
    if (last < 0 || !have.has(last)) return have.count * info.pieceLength;
    return (have.count - 1) * info.pieceLength + pieceBytes(info, last);
  }

  /** Bytes hashed since the state became `checking`, and how fast. */
  get checkMeter(): SpeedMeter {
    return this.#checkMeter;
  }

  /** Bytes that were to be hashed then. */
  get bytesToCheck(): number {
    return this.#bytesToCheck;
  }

  /** What trackers are told, in bytes. */
  progress(): { uploaded: number; downloaded: number; left: number } {
    return { uploaded: this.upMeter.total, downloaded: this.downMeter.total, left: this.info.size - this.bytesDone };
  }

  on(listener: (event: DownloadEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  now(): number {
    return this.#options.now();
  }

  /** Hashes what is in doubt, then downloads, or seeds. A pause stops it, and `resume` goes on. @throws {StoreError} */
  async start(): Promise<void> {
    if (this.#closed) return;
    this.#setState('checking');
    this.#checkMeter = new SpeedMeter(this.now());
    this.#bytesToCheck = Math.min(this.info.size, this.#doubtful.count * this.info.pieceLength);
    const doubtful = this.#doubtful[Symbol.iterator]();
    const check = async () => {
      for (const piece of doubtful) {
        if (this.#closed || this.#state !== 'checking') return;
        const isRight = await this.#storage.check(this.sha1, piece);
        this.#doubtful.remove(piece);
        this.#checkMeter.add(this.now(), pieceBytes(this.info, piece));
        if (isRight && !this.have.has(piece)) this.#got(piece);
      }
    };
    // The thread that hashes never waits for the next piece to be named.
    await Promise.all(Array.from({ length: CHECKS_UNDER_WAY }, check));
    if (this.#state === 'checking' && this.#doubtful.count === 0) await this.#goOn();
  }

  /** Hashes all that is there. Whoever is connected is disconnected: nothing is promised before it is known. */
  async recheck(): Promise<void> {
    this.#disconnect('a re-check began');
    this.#mustRecheck = false;
    await this.#storage.doubtAll(this.sha1);
    for (const piece of this.have) this.picker.failed(piece);
    for (const piece of [...this.have]) this.have.remove(piece);
    this.#doubtful = Bitfield.full(this.info.pieceCount);
    await this.start();
  }

  /** @param reason what is wrong; undefined: somebody wants it so */
  pause(reason?: string): void {
    if (this.#state === 'paused' || this.#closed) return;
    this.#setState('paused', reason);
    this.#disconnect('the download is paused');
  }

  /** Goes on. When a file was changed, cut or taken away, all is hashed before. @throws {StoreError} */
  async resume(): Promise<void> {
    if (this.#state !== 'paused') return;
    // Chunks that were on their way to the disk when it was paused may fail still, of what is mended now.
    await Promise.all(this.#takes);
    if (this.#state !== 'paused') return;
    this.candidates.retryAll();
    if (this.#mustRecheck) await this.recheck();
    else if (this.#doubtful.count > 0) await this.start();
    else await this.#goOn();
  }

  /** When nothing is left to be hashed: it downloads, seeds, or is paused with a reason. */
  async settled(): Promise<void> {
    if (this.#state !== 'checking' || this.#closed) return;
    await new Promise<void>((resolve) => {
      const forget = this.on((event) => {
        if (event.type !== 'state' || event.state === 'checking') return;
        forget();
        resolve();
      });
    });
  }

  addPeer(endpoint: PeerEndpoint): void {
    this.candidates.add(endpoint);
  }

  /** Begins a conversation. @returns undefined when there is no room for it, or no wish */
  open(link: PeerLink): PeerSession | undefined {
    const isOpen = (this.#state === 'downloading' || this.#state === 'seeding') && !this.#closed;
    if (!isOpen || this.candidates.isBanned(link.remote.host)) return undefined;
    if (this.sessions.size >= MAX_SESSIONS && !this.#makeRoomFor(link)) return undefined;
    const session = new PeerSession(this.#nextNumber++, link, this);
    this.sessions.set(session.number, session);
    this.#intake.sender(session.number, link.remote.host);
    return session;
  }

  /** Ends the conversation of least priority, if that of the newcomer is higher (BEP 40). */
  #makeRoomFor({ remote }: PeerLink): boolean {
    const us = { host: this.#ownHost, port: this.port ?? 0 };
    let least: PeerSession | undefined;
    let leastPriority = peerPriority(us, remote);
    for (const session of this.sessions.values()) {
      const priority = peerPriority(us, session.endpoint ?? session.link.remote);
      if (priority >= leastPriority) continue;
      least = session;
      leastPriority = priority;
    }
    least?.close('there are too many connections, and others have priority');
    return least !== undefined;
  }

  /** The rates of the limiters are others than before. */
  ratesChanged(): void {
    this.#brake.rateChanged();
    this.#uploader.rateChanged();
  }

  /** To be called every second. */
  tick(): void {
    const now = this.now();
    for (const session of this.sessions.values()) {
      session.tick(now);
      if (!session.pipeline.isStalled(now)) continue;
      session.isSnubbing = true;
      session.giveUpRequests();
    }
    this.#twins.settle();
    if (now - this.#rechokedMs >= RECHOKE_MS) this.#rechoke();
    this.#fillAll();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#disconnect('this peer stops');
    this.#uploader.close();
    this.#brake.close();
  }

  // ---- What sessions tell ----

  admit(session: PeerSession, peerId: Uint8Array): string | undefined {
    if (sameBytes(peerId, this.peerId)) {
      // Of the two ends of a connection to itself the one that connected must learn it, to do so no more.
      const isOtherEndHere = [...this.sessions.values()].some(
        ({ link, isEstablished }) => !link.incoming && !isEstablished,
      );
      if (session.link.incoming && isOtherEndHere) return undefined;
      this.candidates.forget(session.link.remote);
      return 'this is the peer itself';
    }
    for (const other of this.sessions.values()) {
      if (other === session || !other.peerId || !sameBytes(other.peerId, peerId)) continue;
      const loser = this.#twins.loser(session, other);
      if (loser === session) return CONNECTED_ALREADY;
      loser?.close(CONNECTED_ALREADY);
    }
    return undefined;
  }

  bufferOf(piece: number): Uint8Array | undefined {
    return this.#intake.bufferOf(piece);
  }

  isTooSlow(sender: PeerNumber): boolean {
    return this.sessions.get(sender)?.isDripping ?? true;
  }

  blockArrived(session: PeerSession, block: Block, others: readonly PeerNumber[]): void {
    this.downMeter.add(this.now(), block.length);
    for (const number of others) this.sessions.get(number)?.cancelRequest(block);
    if (this.picker.active(block.piece)?.isComplete) {
      const take = this.#take(block.piece).finally(() => this.#takes.delete(take));
      this.#takes.add(take);
    }
    this.#fill(session);
  }

  interestChanged(): void {
    let unchoked = 0;
    let waiting = 0;
    for (const session of this.sessions.values()) {
      if (session.isInterested && session.amChoking) waiting++;
      if (!session.amChoking && session.isInterested) unchoked++;
    }
    const slots = this.#options.uploadSlots ?? DEFAULT_UPLOAD_SLOTS;
    if (waiting > 0 && unchoked < slots) this.#rechoke();
  }

  piecesChanged(session: PeerSession): void {
    if (session.isClosed) return;
    if (this.have.isFull && session.pieces.bits.isFull) {
      session.close('both have all of it');
      return;
    }
    session.setInterested(this.#state === 'downloading' && session.pieces.isInteresting);
    this.#fill(session);
  }

  uploadsWaiting(session: PeerSession): void {
    this.#uploader.pump(session);
  }

  peersTold(peers: readonly PeerEndpoint[]): void {
    for (const { host, port } of peers) this.candidates.add({ host, port });
  }

  *knownPeers(): IterableIterator<ExchangedPeer> {
    for (const { endpoint, isEstablished, link, pieces } of this.sessions.values()) {
      if (!endpoint || !isEstablished) continue;
      yield { ...endpoint, seed: pieces.bits.isFull, utp: false, reachable: !link.incoming };
    }
  }

  /** Whether there is a conversation with the peer at this address. */
  isConnectedTo({ host, port }: PeerEndpoint): boolean {
    for (const { endpoint } of this.sessions.values())
      if (endpoint?.host === host && endpoint.port === port) return true;
    return false;
  }

  ownHostTold(host: string): void {
    this.#ownHost = host;
  }

  received(session: PeerSession, bytes: number): void {
    if (!session.isClosed) this.#brake.received(session.link, bytes);
  }

  closed(session: PeerSession): void {
    this.sessions.delete(session.number);
    this.#brake.forget(session.link);
    if (!session.link.incoming) this.#endedWith(session);
    if (!this.#closed && !session.amChoking) this.#rechoke();
  }

  // ---- Decisions ----

  #endedWith({ link: { remote }, pieces, isTalking, upMeter }: PeerSession): void {
    if (this.#state !== 'seeding') this.candidates.ended(this.now(), remote, isTalking);
    // Seeds want nothing of each other.
    else if (pieces.bits.isFull) this.candidates.forget(remote);
    else this.candidates.ended(this.now(), remote, upMeter.total > 0);
  }

  #fill(session: PeerSession): void {
    if (this.#state !== 'downloading' || session.isClosed || !session.amInterested) return;
    if (session.isChoking && session.allowedPieces.size === 0) return;
    // Of several peers none is asked for more than half its share of what is missing: what is asked for late can be had from
    // those that got it meanwhile, and nobody waits for the slowest.
    const peers = this.sessions.size;
    const missing = this.info.size - this.bytesDone;
    const share = peers === 1 ? missing : Math.max(session.requestBytes, missing / (2 * peers));
    const spared = sparedBytes(session, this.sessions.values()) - session.pipeline.bytes;
    const bytes = Math.min(session.requestRoom, share, spared);
    if (bytes <= 0) return;
    const now = this.now();
    const blocks = this.picker.pick({
      peer: session.number,
      has: session.pieces.bits,
      bytes,
      maxRequestBytes: session.requestBytes,
      only: session.isChoking ? session.allowedPieces : undefined,
      isStarving: session.idleSinceMs !== undefined && now - session.idleSinceMs >= STARVING_MS,
    });
    if (blocks.length > 0 || session.pipeline.requests > 0) session.idleSinceMs = undefined;
    else session.idleSinceMs ??= now;
    session.ask(blocks);
  }

  #sendsToSeveral(): boolean {
    let receivers = 0;
    for (const { isInterested, amChoking } of this.sessions.values()) if (isInterested && !amChoking) receivers++;
    return receivers > 1;
  }

  #fillAll(): void {
    for (const session of this.sessions.values()) this.#fill(session);
  }

  #rechoke(): void {
    const now = this.now();
    this.#rechokedMs = now;
    const peers = [...this.sessions.values()].map((session) => ({
      key: session.number,
      interested: session.isInterested,
      downSpeed: session.isSnubbing ? 0 : session.downMeter.bytesPerSecond(now),
      upSpeed: session.upMeter.bytesPerSecond(now),
      connectedMs: session.connectedMs,
    }));
    const unchoked = this.#choker.decide(now, this.#state === 'seeding', peers);
    for (const session of this.sessions.values()) session.setChoking(!unchoked.has(session.number));
  }

  async #take(piece: number): Promise<void> {
    try {
      const { isRight, guilty } = await this.#intake.take(piece);
      for (const host of guilty) this.#ban(host);
      if (isRight) this.#got(piece);
      else {
        this.picker.wrong(piece);
        this.#needsChanged();
      }
    } catch (error) {
      this.#lost([piece, ...((error as StoreError).pieces ?? [])]);
      this.#failed(error as StoreError);
    }
    await this.#finishIfDone();
    this.#fillAll();
  }

  /** Something is wrong with the files. */
  #failed({ code, message }: StoreError): void {
    if (!HARMLESS_FAILURES.has(code)) this.#mustRecheck = true;
    this.pause(message);
  }

  #got(piece: number): void {
    this.picker.verified(piece);
    this.have.add(piece);
    for (const session of this.sessions.values()) {
      session.pieces.gotHere(piece);
      session.tellHave(piece);
      if (!session.pieces.isInteresting) session.setInterested(false);
    }
    this.#tell({ type: 'piece', piece });
  }

  #lost(pieces: readonly number[]): void {
    for (const piece of pieces) {
      const announced = this.have.remove(piece);
      this.picker.failed(piece);
      if (announced) for (const session of this.sessions.values()) session.extensions.tellDontHave(piece);
    }
    this.#needsChanged();
  }

  /** Other pieces are needed than before. */
  #needsChanged(): void {
    for (const session of this.sessions.values()) {
      session.pieces.recount();
      this.piecesChanged(session);
    }
  }

  #ban(host: string): void {
    if (this.candidates.isBanned(host)) return;
    this.candidates.ban(host);
    this.#tell({ type: 'banned', host });
    for (const session of [...this.sessions.values()]) {
      if (session.link.remote.host === host) session.close('the peer sent wrong bytes');
    }
  }

  async #goOn(): Promise<void> {
    if (this.#closed) return;
    this.#setState(this.picker.isDone ? 'checking' : 'downloading');
    await this.#finishIfDone();
    for (const session of this.sessions.values()) this.piecesChanged(session);
  }

  /** Once all that is wanted is there and durable, it is sent only. */
  async #finishIfDone(): Promise<void> {
    const mayFinish = () => this.#state !== 'paused' && this.#state !== 'seeding' && !this.#closed;
    if (!this.picker.isDone || !mayFinish()) return;
    try {
      await this.#storage.finish(this.sha1);
    } catch (error) {
      this.#lost((error as StoreError).pieces ?? []);
      this.#failed(error as StoreError);
      return;
    }
    if (!mayFinish()) return;
    this.#setState('seeding');
    this.#tell({ type: 'done' });
    for (const session of [...this.sessions.values()]) this.piecesChanged(session);
  }

  #disconnect(reason: string): void {
    for (const session of [...this.sessions.values()]) session.close(reason);
  }

  #setState(state: DownloadState, reason?: string): void {
    this.#reason = reason;
    if (state === this.#state) return;
    this.#state = state;
    this.#tell({ type: 'state', state, reason });
  }

  #tell(event: DownloadEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

/** Peer IDs are of one length. */
function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, i) => byte === b[i]);
}
