import { formatInfoHash } from '../bittorrent/info-hash.ts';
import type { PeerEndpoint } from '../bittorrent/magnet.ts';
import type { Metainfo } from '../bittorrent/metainfo.ts';
import type { DownloadManager } from './download-manager.ts';
import { readMetainfo } from './store/local-metainfo.ts';
import { Candidates } from './swarm/candidates.ts';
import type { Download, DownloadState } from './swarm/download.ts';
import { type Askable, announceEverywhere } from './trackers/announce-everywhere.ts';
import type { AnnouncedContent, Announcing, AnnouncingStatus, Progress } from './trackers/announcement.ts';
import { within } from './trackers/within.ts';

/** While nobody who is known has what is missing, others are asked for after this time, twice as long each time. */
export const FIRST_HUNGER_MS = 5_000;
export const LONGEST_HUNGER_MS = 30_000;

/** How long a farewell waits for the answer to the first announce. */
const FIRST_ANSWER_MS = 1_000;
const NEVER_RAISED = new AbortController().signal;

/** `metadata`: what it consists of is asked from peers. */
export type ContentState = 'metadata' | DownloadState;

export type ContentEvent =
  | { readonly type: 'state'; readonly state: ContentState; readonly reason: string | undefined }
  /** A torrent file is there now, of a content that was known by its sha1 only. */
  | { readonly type: 'metainfo'; readonly metainfo: Uint8Array }
  /** All of it is there. */
  | { readonly type: 'done' };

export interface PeerContentOptions {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** Where its files are, or go: an absolute path. */
  readonly folder: string;
  /** A torrent file; without one it is fetched from peers. */
  readonly metainfo?: Uint8Array | undefined;
  /** The torrent was made of the files in the folder a moment ago. */
  readonly isJustMade?: boolean | undefined;
  /** What it is called and its bytes, as far as they are known without a torrent file. */
  readonly name?: string | undefined;
  readonly size?: number | undefined;
  /** Of a magnet link. */
  readonly trackers?: readonly string[] | undefined;
  /** To begin with. */
  readonly peers?: readonly PeerEndpoint[] | undefined;
  readonly sequential?: boolean | undefined;
}

/**
 * One content that this peer shares or gets: its download, and what trackers are told of it. Trackers know of it while it
 * downloads or seeds; when it is paused, by hand or since something is wrong, they are told that it is gone.
 */
export class PeerContent implements AnnouncedContent {
  readonly infoHash: Uint8Array;
  /** The info-hash, 40 digits. */
  readonly sha1: string;
  readonly folder: string;
  readonly #options: PeerContentOptions;
  readonly #manager: DownloadManager;
  readonly #askable: Pick<Askable, 'cluster' | 'trackers'>;
  readonly #listeners = new Set<(event: ContentEvent) => void>();
  /** Peers that were told of before there is a download. */
  readonly #candidates = new Candidates();
  #metainfo: Metainfo | undefined;
  #download: Download | undefined;
  #announcing: Announcing | undefined;
  /** Settles when a tracker answered, or failed. */
  #answered: Promise<void> = Promise.resolve();
  /** The last farewell; what is announced after it must not overtake it. */
  #farewell: Promise<unknown> = Promise.resolve();
  /** Ends the search for metadata. */
  #search: AbortController | undefined;
  #isPaused = false;
  #reason: string | undefined;
  #hungerMs = FIRST_HUNGER_MS;
  #hungryAtMs = 0;
  #closed = false;

  constructor(manager: DownloadManager, askable: Pick<Askable, 'cluster' | 'trackers'>, options: PeerContentOptions) {
    this.#manager = manager;
    this.#askable = askable;
    this.#options = options;
    this.infoHash = options.infoHash;
    this.sha1 = formatInfoHash(options.infoHash);
    this.folder = options.folder;
    if (options.metainfo) this.#metainfo = readMetainfo(options.metainfo);
    for (const peer of options.peers ?? []) this.#candidates.add(peer);
  }

  get state(): ContentState {
    if (this.#download) return this.#download.state;
    return this.#isPaused || this.#reason !== undefined ? 'paused' : 'metadata';
  }

  /** Why it is paused, when nobody asked for it. */
  get reason(): string | undefined {
    return this.#download ? this.#download.reason : this.#reason;
  }

  /** Whether somebody paused it. */
  get isPausedByHand(): boolean {
    return this.#isPaused;
  }

  /** Trackers of its torrent or magnet link, as BEP 12 orders them. */
  get tiers(): readonly (readonly string[])[] {
    return this.#metainfo?.trackers ?? (this.#options.trackers ?? []).map((url) => [url]);
  }

  /** Undefined while its metadata is not known. */
  get download(): Download | undefined {
    return this.#download;
  }

  get name(): string | undefined {
    return this.#metainfo?.info.name ?? this.#options.name;
  }

  /** Bytes. */
  get size(): number | undefined {
    return this.#metainfo?.info.size ?? this.#options.size;
  }

  get isPrivate(): boolean {
    return this.#metainfo?.info.isPrivate ?? false;
  }

  /** What trackers said last; undefined while none is told. */
  get announcing(): AnnouncingStatus | undefined {
    return this.#announcing?.status;
  }

  get peerId(): Uint8Array {
    return this.#manager.peerId;
  }

  get port(): number {
    return this.#manager.address?.port ?? 0;
  }

  progress(): Progress {
    return this.#download?.progress() ?? { uploaded: 0, downloaded: 0, left: undefined };
  }

  on(listener: (event: ContentEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Begins. When it resolves, what is in the folder may still be hashed, or metadata be looked for.
   * @param isPaused it waits for `resume`
   * @throws {StoreError}
   */
  async start(isPaused = false): Promise<void> {
    const { metainfo } = this.#options;
    this.#isPaused = isPaused;
    this.#reason = undefined;
    if (metainfo) await this.#begin(metainfo);
    else if (!isPaused) this.#findMetadata();
  }

  pause(): void {
    this.#isPaused = true;
    if (this.#download) this.#download.pause();
    else this.#stopSearch(undefined);
  }

  async resume(): Promise<void> {
    this.#isPaused = false;
    if (this.#download) await this.#download.resume();
    else if (this.#options.metainfo) await this.start();
    else if (!this.#search) this.#findMetadata();
  }

  /** Hashes all that is there. @throws {StoreError} */
  async recheck(): Promise<void> {
    await this.#download?.recheck();
  }

  /** It could not start: it is paused with this reason, and `resume` tries again. */
  failed(reason: string): void {
    this.#stopSearch(reason);
  }

  addPeers(peers: readonly PeerEndpoint[]): void {
    if (this.#download) this.#manager.addPeers(this.#download, peers);
    else for (const peer of peers) this.#candidates.add(peer);
  }

  /** To be called every second. */
  tick(nowMs: number): void {
    if (!this.#isHungry) {
      this.#hungerMs = FIRST_HUNGER_MS;
      this.#hungryAtMs = nowMs + this.#hungerMs;
    } else if (nowMs >= this.#hungryAtMs) {
      this.#announcing?.morePeers();
      this.#hungerMs = Math.min(2 * this.#hungerMs, LONGEST_HUNGER_MS);
      this.#hungryAtMs = nowMs + this.#hungerMs;
    }
  }

  /** Takes leave of the trackers, within their time. The download is the manager's to end. Can be called twice. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#search?.abort();
    this.#silence();
    await this.#farewell;
  }

  /** Whether nobody who is known of helps: those whom a tracker told of may all be waiting as well. */
  get #isHungry(): boolean {
    if (this.state === 'metadata') return true;
    const download = this.#download;
    if (download?.state !== 'downloading') return false;
    for (const { amInterested } of download.sessions.values()) if (amInterested) return false;
    return true;
  }

  #findMetadata(): void {
    this.#reason = undefined;
    const search = new AbortController();
    this.#search = search;
    this.#announce();
    this.#tell({ type: 'state', state: 'metadata', reason: undefined });
    const { name, trackers = [] } = this.#options;
    const magnet = { infoHash: this.infoHash, trackers, peers: [], ...(name === undefined ? {} : { name }) };
    const fetched = this.#manager.fetchMetainfo(magnet, this.#candidates, search.signal);
    fetched
      .then(async (metainfo) => {
        if (this.#closed || search.signal.aborted) return;
        this.#metainfo = readMetainfo(metainfo);
        await this.#begin(metainfo);
        this.#tell({ type: 'metainfo', metainfo });
        this.#announcing?.changed();
      })
      .catch((error: Error) => {
        if (this.#closed || search.signal.aborted) return;
        // No torrent that can lie on this machine: it names files that must not be.
        this.#metainfo = undefined;
        this.#stopSearch(error.message);
      });
  }

  #stopSearch(reason: string | undefined): void {
    this.#search?.abort();
    this.#search = undefined;
    this.#reason = reason;
    this.#silence();
    this.#tell({ type: 'state', state: 'paused', reason });
  }

  async #begin(metainfo: Uint8Array): Promise<void> {
    const { folder, isJustMade = false, sequential = false } = this.#options;
    // Also those that could not tell the metadata: they may have waited for it as well.
    const peers = this.#candidates.endpoints;
    const download = await this.#manager.add({ metainfo, folder, peers, isJustMade, sequential });
    if (this.#closed) return;
    this.#download = download;
    download.on((event) => {
      if (event.type === 'state') this.#stateChanged(event);
      if (event.type !== 'done') return;
      this.#announcing?.changed();
      this.#tell(event);
    });
    if (this.#isPaused) download.pause();
    else this.#stateChanged({ type: 'state', state: download.state, reason: download.reason });
  }

  #stateChanged(event: ContentEvent & { type: 'state' }): void {
    // While it is hashed nobody knows what is missing: a tracker that is told now would count a download at the end.
    if (event.state === 'downloading' || event.state === 'seeding') this.#announce();
    else if (event.state === 'paused') this.#silence();
    this.#tell(event);
  }

  #announce(): void {
    const { tiers } = this;
    const everyTier = this.#options.metainfo === undefined;
    void this.#farewell.then(() => {
      const isWanted = !this.#isPaused && this.state !== 'paused' && !this.#closed;
      if (this.#announcing || !isWanted) return;
      const answered = Promise.withResolvers<void>();
      this.#answered = answered.promise;
      this.#announcing = announceEverywhere(
        this,
        { ...this.#askable, tiers, everyTier },
        {
          peers: (peers) => {
            answered.resolve();
            this.addPeers(peers);
          },
          failed: () => answered.resolve(),
        },
      );
    });
  }

  #silence(): void {
    const announcing = this.#announcing;
    this.#announcing = undefined;
    if (announcing) this.#farewell = this.#takeLeave(announcing, this.#answered);
  }

  /** On the heels of the first announce it could overtake that at a tracker, and we would be listed until we expire. */
  async #takeLeave(announcing: Announcing, answered: Promise<void>): Promise<void> {
    await within(FIRST_ANSWER_MS, NEVER_RAISED, answered);
    await announcing.stop();
  }

  #tell(event: ContentEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
