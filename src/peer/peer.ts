import { join, resolve } from 'node:path';
import { formatInfoHash } from '../bittorrent/info-hash.ts';
import type { PeerEndpoint } from '../bittorrent/magnet.ts';
import { type Content, PEER_FILE, PeerDatabase } from './database.ts';
import { DownloadManager, type DownloadManagerOptions } from './download-manager.ts';
import { type MakeTorrentOptions, makeTorrent } from './making/make-torrent.ts';
import { PeerContent, type PeerContentOptions } from './peer-content.ts';
import { PeerInfoRequester } from './peer-info-requester.ts';
import { readMetainfo } from './store/local-metainfo.ts';
import type { ClusterPlace } from './trackers/cluster-lanes.ts';
import { TrackerClient } from './trackers/tracker-client.ts';
import type { PeerTransportError } from './transport/peer-transport.ts';
import { findWanted, type WantedContent } from './wanted-content.ts';

const TICK_MS = 1_000;

export interface PeerOptions extends Omit<DownloadManagerOptions, 'transport'> {
  /** Where the cluster is asked for. */
  readonly cluster: ClusterPlace;
  /** Where peers reach this one: all addresses of the machine by default. */
  readonly host?: string | undefined;
  /** 0, the default, takes a free one. */
  readonly port?: number | undefined;
}

export interface GetOptions {
  /** Where its files go. */
  readonly folder: string;
  /** Beside those that trackers know. */
  readonly peers?: readonly PeerEndpoint[];
  readonly sequential?: boolean;
  /** It is added, and waits for `resume`. */
  readonly isPaused?: boolean;
}

/**
 * A peer: contents that it shares and gets. It brings the Peer Info Requester, which knows who has what, and the Download
 * Manager, which fetches and sends, together.
 *
 * ```ts
 * const peer = await Peer.open({ dataFolder, cluster: { group: { host: '239.255.77.69', port: 6969 } } });
 * const shared = await peer.share('/srv/big.iso');
 * const wanted = await peer.get(await peer.find('other.iso'), { folder: '/srv' });
 * await peer.close();
 * ```
 */
export class Peer {
  readonly requester: PeerInfoRequester;
  readonly #manager: DownloadManager;
  readonly #trackers = new TrackerClient();
  /** What an earlier run knew. */
  readonly #remembered: readonly Content[];
  readonly #contents = new Map<string, PeerContent>();
  readonly #timer: NodeJS.Timeout;
  #closed: Promise<void> | undefined;

  /** @throws {TrackerError} BAD_INTERFACE {@link PeerTransportError} {@link StorageError} */
  static async open(options: PeerOptions): Promise<Peer> {
    const requester = await PeerInfoRequester.open(options.cluster);
    let manager: DownloadManager | undefined;
    try {
      // Before the manager's thread has it open: both would create it.
      const remembered = contentsOf(join(options.dataFolder, PEER_FILE));
      manager = new DownloadManager(options);
      await listen(manager, options);
      return new Peer(requester, manager, remembered);
    } catch (error) {
      await manager?.close();
      await requester.close();
      throw error;
    }
  }

  private constructor(requester: PeerInfoRequester, manager: DownloadManager, remembered: readonly Content[]) {
    this.requester = requester;
    this.#manager = manager;
    this.#remembered = remembered;
    this.#timer = setInterval(() => {
      for (const content of this.#contents.values()) content.tick(performance.now());
    }, TICK_MS);
  }

  get contents(): readonly PeerContent[] {
    return [...this.#contents.values()];
  }

  content(sha1: string): PeerContent | undefined {
    return this.#contents.get(sha1);
  }

  /** Where other peers reach this one. */
  get port(): number {
    return this.#manager.address?.port ?? 0;
  }

  /** What a sha1, magnet link, path of a torrent file or name stands for. @throws as `findWanted` */
  find(text: string): Promise<WantedContent> {
    return findWanted(text, this.requester);
  }

  /**
   * Makes a torrent of a file or folder and shares it.
   * @throws as `makeTorrent`; {@link StoreError}
   */
  async share(path: string, options: MakeTorrentOptions = {}): Promise<{ content: PeerContent; metainfo: Uint8Array }> {
    const { metainfo, folder } = await makeTorrent(path, options);
    const { infoHash } = readMetainfo(metainfo).info;
    return { content: await this.#add({ infoHash, folder, metainfo, isJustMade: true }, false), metainfo };
  }

  /**
   * Gets a content, or gives the one that is there already. One that was begun before is gone on with, and its metadata need
   * not be found again.
   * @throws {StoreError}
   */
  get(wanted: WantedContent, { folder, peers = [], sequential, isPaused = false }: GetOptions): Promise<PeerContent> {
    const sha1 = formatInfoHash(wanted.infoHash);
    const metainfo = wanted.metainfo ?? this.#remembered.find((each) => each.sha1 === sha1)?.metainfo;
    const options = { ...wanted, metainfo, folder: resolve(folder), peers: [...wanted.peers, ...peers], sequential };
    return this.#add(options, isPaused);
  }

  /** Forgets a content; its files stay. */
  async remove(sha1: string): Promise<void> {
    const content = this.#contents.get(sha1);
    if (!content) return;
    this.#contents.delete(sha1);
    await Promise.all([content.close(), this.#manager.remove(sha1)]);
  }

  /** A clean stop: trackers are told, what is written is durable. Can be called twice. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #add(options: PeerContentOptions, isPaused: boolean): Promise<PeerContent> {
    const sha1 = formatInfoHash(options.infoHash);
    const there = this.#contents.get(sha1);
    if (there) {
      there.addPeers(options.peers ?? []);
      return there;
    }
    const content = new PeerContent(this.#manager, { cluster: this.requester, trackers: this.#trackers }, options);
    this.#contents.set(sha1, content);
    try {
      await content.start(isPaused);
      return content;
    } catch (error) {
      this.#contents.delete(sha1);
      throw error;
    }
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    try {
      // Peers are served until the trackers know: a farewell takes seconds at most.
      await Promise.all(this.contents.map((content) => content.close()));
      await Promise.all([this.#trackers.close(), this.requester.close()]);
    } finally {
      await this.#manager.close();
    }
  }
}

/** Both address families at once, where the system has both. */
async function listen(manager: DownloadManager, { host, port = 0 }: PeerOptions): Promise<void> {
  if (host !== undefined) return await manager.listen(host, port);
  try {
    await manager.listen('::', port);
  } catch (error) {
    if ((error as PeerTransportError).code !== 'CANNOT_LISTEN') throw error;
    await manager.listen('0.0.0.0', port);
  }
}

function contentsOf(databasePath: string): Content[] {
  const database = PeerDatabase.open(databasePath);
  try {
    return database.contents();
  } finally {
    database.close();
  }
}
