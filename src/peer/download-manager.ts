import { randomBytes } from 'node:crypto';
import { formatInfoHash } from '../bittorrent/info-hash.ts';
import type { Magnet, PeerEndpoint } from '../bittorrent/magnet.ts';
import type { Metainfo } from '../bittorrent/metainfo.ts';
import { encodeMetainfo } from '../bittorrent/metainfo-create.ts';
import type { Content } from './database.ts';
import { RateLimiter } from './exchange/rate-limiter.ts';
import { Bitfield } from './picking/bitfield.ts';
import { readMetainfo } from './store/local-metainfo.ts';
import { Storage } from './store/storage.ts';
import type { Candidates } from './swarm/candidates.ts';
import { Download } from './swarm/download.ts';
import { Handshakes } from './swarm/handshakes.ts';
import { Lobby } from './swarm/lobby.ts';
import { fetchMetadata } from './swarm/metadata-fetch.ts';
import type { PeerListener, PeerTransport } from './transport/peer-transport.ts';
import { TcpPeerTransport } from './transport/tcp-peer-transport.ts';

/** Connections of all contents together. */
export const MAX_CONNECTIONS = 300;
/** Connections that are being opened. */
export const MAX_CONNECTING = 20;
const TICK_MS = 1_000;
/** The client and its version, as peers and trackers see it (BEP 20). */
const PEER_ID_PREFIX = '-Sk0100-';

export interface DownloadManagerOptions {
  /** Where `peer.db` is; made when it is not there. */
  readonly dataFolder: string;
  /** Of that folder, when it was opened already; the manager closes it. */
  readonly storage?: Storage;
  /** TCP by default. */
  readonly transport?: PeerTransport;
  /** Peers of one content that are sent to at the same time. */
  readonly uploadSlots?: number;
  /** Bytes a second; no limit by default. */
  readonly uploadRate?: number;
  readonly downloadRate?: number;
}

/** Limits in bytes a second; Infinity: none. */
export interface TransferRates {
  readonly upload: number;
  readonly download: number;
}

export interface AddOptions {
  /** A torrent file. */
  readonly metainfo: Uint8Array;
  /** Where its files are, or go. */
  readonly folder: string;
  readonly peers?: readonly PeerEndpoint[];
  readonly sequential?: boolean;
  /** The torrent was made of the files in this folder a moment ago (`makeTorrent`): they need not be hashed again. */
  readonly isJustMade?: boolean;
}

/**
 * The Download Manager: fetches contents from peers and sends them to others.
 *
 * ```ts
 * const manager = new DownloadManager({ dataFolder });
 * await manager.listen('0.0.0.0', 6881);
 * const download = await manager.add({ metainfo, folder, peers: [{ host: '192.0.2.1', port: 6881 }] });
 * download.on((event) => { ... });
 * ```
 */
export class DownloadManager {
  /** 20 bytes, drawn anew at each start. */
  readonly peerId: Uint8Array;
  readonly #options: DownloadManagerOptions;
  readonly #transport: PeerTransport;
  readonly #storage: Storage;
  readonly #downloads = new Map<string, Download>();
  readonly #lobby: Lobby;
  readonly #handshakes = new Handshakes();
  readonly #uploadLimiter: RateLimiter;
  readonly #downloadLimiter: RateLimiter;
  readonly #timer: NodeJS.Timeout;
  readonly #stop = new AbortController();
  #listener: PeerListener | undefined;
  #connecting = 0;
  #closed: Promise<void> | undefined;

  constructor(options: DownloadManagerOptions) {
    this.#options = options;
    this.#transport = options.transport ?? new TcpPeerTransport();
    this.#storage = options.storage ?? new Storage(options.dataFolder);
    this.peerId = new Uint8Array(20);
    this.peerId.set(new TextEncoder().encode(PEER_ID_PREFIX), 0);
    this.peerId.set(randomBytes(20 - PEER_ID_PREFIX.length), PEER_ID_PREFIX.length);
    this.#uploadLimiter = new RateLimiter(options.uploadRate ?? Number.POSITIVE_INFINITY, performance.now());
    this.#downloadLimiter = new RateLimiter(options.downloadRate ?? Number.POSITIVE_INFINITY, performance.now());
    this.#lobby = new Lobby((infoHash, link) => {
      const session =
        this.#connections < MAX_CONNECTIONS ? this.#downloads.get(formatInfoHash(infoHash))?.open(link) : undefined;
      return session;
    });
    this.#handshakes.onOver(() => this.#connect());
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  get downloads(): readonly Download[] {
    return [...this.#downloads.values()];
  }

  /** Where peers reach this one; undefined before `listen`. */
  get address(): PeerEndpoint | undefined {
    return this.#listener && { host: this.#listener.host, port: this.#listener.port };
  }

  /** Bytes a second; Infinity: no limit. */
  get rates(): TransferRates {
    return { upload: this.#uploadLimiter.bytesPerSecond, download: this.#downloadLimiter.bytesPerSecond };
  }

  /** Changes the limits of all contents together, at once; those that are not given stay. */
  setRates({ upload, download }: Partial<TransferRates>): void {
    const now = performance.now();
    if (upload !== undefined) this.#uploadLimiter.setRate(upload, now);
    if (download !== undefined) this.#downloadLimiter.setRate(download, now);
    for (const each of this.#downloads.values()) each.ratesChanged();
  }

  /** All contents that were added, in earlier runs too, and not removed. @throws {StoreError} */
  contents(): Promise<Content[]> {
    return this.#storage.contents();
  }

  download(sha1: string): Download | undefined {
    return this.#downloads.get(sha1);
  }

  /** Takes connections of peers. @throws {PeerTransportError} */
  async listen(host: string, port: number): Promise<void> {
    this.#listener = await this.#transport.listen(host, port, (link) => this.#lobby.enter(link));
  }

  /**
   * Adds a content, or gives the one that is there. What its folder holds already is hashed before anything is fetched;
   * the download is given before that, in the state `checking`.
   * @throws {StoreError} and the errors of `parseMetainfo`
   */
  async add(options: AddOptions): Promise<Download> {
    const metainfo: Metainfo = readMetainfo(options.metainfo);
    const { info } = metainfo;
    const sha1 = formatInfoHash(info.infoHash);
    const there = this.#downloads.get(sha1);
    if (there) return there;
    const content = { sha1, folder: options.folder, metainfo: options.metainfo };
    const opened = await this.#storage.open(content, info.pieceCount);
    if (options.isJustMade) {
      opened.have = await this.#storage.adopt(sha1, info.pieceCount);
      opened.doubtful = new Bitfield(info.pieceCount);
    }
    const { uploadSlots } = this.#options;
    const download = new Download({
      info,
      storage: this.#storage,
      ...opened,
      peerId: this.peerId,
      port: () => this.#listener?.port,
      now: () => performance.now(),
      random: Math.random,
      uploadLimiter: this.#uploadLimiter,
      downloadLimiter: this.#downloadLimiter,
      ...(uploadSlots === undefined ? {} : { uploadSlots }),
      ...(options.sequential === undefined ? {} : { sequential: options.sequential }),
    });
    this.#downloads.set(sha1, download);
    for (const peer of options.peers ?? []) download.addPeer(peer);
    download.on((event) => {
      if (event.type === 'state') this.#connect();
    });
    download.start().catch((error: Error) => download.pause(error.message));
    return download;
  }

  /**
   * The torrent file of a magnet link, put together from what its peers send (BEP 9).
   * @param candidates may grow meanwhile, as trackers tell of peers; those of the link are in it afterwards
   * @throws the signal's reason, or an `AbortError` when the manager closes
   */
  async fetchMetainfo(magnet: Magnet, candidates: Candidates, signal?: AbortSignal): Promise<Uint8Array> {
    for (const peer of magnet.peers) candidates.add(peer);
    const infoBytes = await fetchMetadata({
      infoHash: magnet.infoHash,
      peerId: this.peerId,
      transport: this.#transport,
      candidates,
      handshakes: this.#handshakes,
      now: () => performance.now(),
      signal: signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal,
    });
    return encodeMetainfo(infoBytes, { trackers: magnet.trackers.map((url) => [url]) });
  }

  /** Tells a download of further peers, and connects to them. */
  addPeers(download: Download, peers: readonly PeerEndpoint[]): void {
    for (const peer of peers) download.addPeer(peer);
    this.#connect();
  }

  /** Forgets a content; its files stay. @throws {StoreError} */
  async remove(sha1: string): Promise<void> {
    const download = this.#downloads.get(sha1);
    if (!download) return;
    download.close();
    this.#downloads.delete(sha1);
    await this.#storage.remove(sha1);
  }

  /** A clean stop: what is written is durable, and nothing need be hashed at the next start. Can be called twice. */
  async close(): Promise<void> {
    this.#closed ??= this.#close();
    await this.#closed;
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    this.#stop.abort();
    this.#lobby.close();
    for (const download of this.#downloads.values()) download.close();
    await this.#listener?.close();
    await this.#storage.close();
  }

  get #connections(): number {
    let connections = this.#connecting;
    for (const download of this.#downloads.values()) connections += download.sessions.size;
    return connections;
  }

  #tick(): void {
    for (const download of this.#downloads.values()) download.tick();
    this.#connect();
  }

  /** Opens connections for downloads that seek peers. */
  #connect(): void {
    if (this.#stop.signal.aborted) return;
    for (const download of this.#downloads.values()) {
      while (download.seeksPeers && this.#connecting < MAX_CONNECTING && this.#connections < MAX_CONNECTIONS) {
        const endpoint = download.candidates.next(performance.now(), (each) => !this.#handshakes.isUnderWay(each));
        if (!endpoint) break;
        if (download.isConnectedTo(endpoint)) download.candidates.ended(performance.now(), endpoint, true);
        else void this.#connectTo(download, endpoint);
      }
    }
  }

  async #connectTo(download: Download, endpoint: PeerEndpoint): Promise<void> {
    this.#connecting++;
    const over = this.#handshakes.begin(endpoint);
    let greeted: Promise<void> | undefined;
    try {
      const link = await this.#transport.connect(endpoint, { signal: this.#stop.signal });
      const session = download.open(link);
      greeted = session?.greeted;
      if (session) session.start();
      else link.close();
      if (!session) download.candidates.ended(performance.now(), endpoint, false);
    } catch {
      // Most addresses that trackers and peers know are of peers that are gone; the candidate is tried again later.
      download.candidates.ended(performance.now(), endpoint, false);
    } finally {
      this.#connecting--;
    }
    await greeted;
    over();
  }
}
