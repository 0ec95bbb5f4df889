import { resolve } from 'node:path';
import { formatInfoHash, parseInfoHash } from '../bittorrent/info-hash.ts';
import { formatMagnet, type PeerEndpoint, parseMagnet } from '../bittorrent/magnet.ts';
import type { Content } from './database.ts';
import { DownloadManager, type DownloadManagerOptions, type TransferRates } from './download-manager.ts';
import { type MakeTorrentOptions, makeTorrent } from './making/make-torrent.ts';
import { PeerContent, type PeerContentOptions } from './peer-content.ts';
import { PeerInfoRequester } from './peer-info-requester.ts';
import type { Remembered, RememberedContents } from './remembered-contents.ts';
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
  /** Goes on with all contents of earlier runs, and keeps what the next one needs to do the same. Only one process may. */
  readonly remembers?: boolean;
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
  /** Undefined where contents are not gone on with by themselves. */
  readonly #memory: RememberedContents | undefined;
  readonly #timer: NodeJS.Timeout;
  #isRestored = false;
  #closed: Promise<void> | undefined;

  /** @throws {TrackerError} BAD_INTERFACE {@link PeerTransportError} {@link StoreError} */
  static async open(options: PeerOptions): Promise<Peer> {
    const manager = new DownloadManager(options);
    let requester: PeerInfoRequester | undefined;
    try {
      requester = await PeerInfoRequester.open(options.cluster);
      const remembered = await manager.contents();
      await listen(manager, options);
      if (!options.remembers) return new Peer(requester, manager, remembered, undefined);
      const { RememberedContents } = await import('./remembered-contents.ts');
      const memory = new RememberedContents(options.dataFolder);
      const last = await memory.load();
      const peer = new Peer(requester, manager, remembered, memory);
      await peer.#restore(last);
      return peer;
    } catch (error) {
      // What was wrong is told already.
      await manager.close().catch(() => {});
      await requester?.close();
      throw error;
    }
  }

  private constructor(
    requester: PeerInfoRequester,
    manager: DownloadManager,
    remembered: readonly Content[],
    memory: RememberedContents | undefined,
  ) {
    this.requester = requester;
    this.#manager = manager;
    this.#remembered = remembered;
    this.#memory = memory;
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

  /** Limits of all contents together, in bytes a second; Infinity: none. */
  get rates(): TransferRates {
    return this.#manager.rates;
  }

  /** Changes them at once; those that are not given stay. */
  setRates(rates: Partial<TransferRates>): void {
    this.#manager.setRates(rates);
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
    await Promise.all([content.close(), this.#manager.remove(sha1), this.#remember()]);
  }

  /** Pauses a content, so that it stays paused. */
  async pause(sha1: string): Promise<void> {
    this.#contents.get(sha1)?.pause();
    await this.#remember();
  }

  async resume(sha1: string): Promise<void> {
    await this.#contents.get(sha1)?.resume();
    await this.#remember();
  }

  /** A clean stop: trackers are told, what is written is durable. Can be called twice. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  get #askable() {
    return { cluster: this.requester, trackers: this.#trackers };
  }

  async #add(options: PeerContentOptions, isPaused: boolean): Promise<PeerContent> {
    const sha1 = formatInfoHash(options.infoHash);
    const there = this.#contents.get(sha1);
    if (there) {
      there.addPeers(options.peers ?? []);
      return there;
    }
    const content = new PeerContent(this.#manager, this.#askable, options);
    this.#contents.set(sha1, content);
    try {
      await content.start(isPaused);
      await this.#remember();
      return content;
    } catch (error) {
      this.#contents.delete(sha1);
      throw error;
    }
  }

  async #restore({ paused, magnets }: Remembered): Promise<void> {
    for (const { sha1, folder, metainfo } of this.#remembered) {
      await this.#startAgain({ infoHash: parseInfoHash(sha1), folder, metainfo }, paused);
    }
    for (const { magnet, folder } of magnets) await this.#startAgain({ ...parseMagnet(magnet), folder }, paused);
    this.#isRestored = true;
  }

  /** One whose files cannot be had at this time does not keep the others from it. */
  async #startAgain(options: PeerContentOptions, paused: readonly string[]): Promise<void> {
    const content = new PeerContent(this.#manager, this.#askable, options);
    // Its metadata came after its magnet link was remembered.
    if (this.#contents.has(content.sha1)) return;
    this.#contents.set(content.sha1, content);
    await content.start(paused.includes(content.sha1)).catch((error: Error) => content.failed(error.message));
  }

  async #remember(): Promise<void> {
    if (!this.#memory || !this.#isRestored) return;
    const magnets = this.contents.filter(({ download }) => !download);
    await this.#memory.save({
      paused: this.contents.filter(({ isPausedByHand }) => isPausedByHand).map(({ sha1 }) => sha1),
      magnets: magnets.map(({ infoHash, name, tiers, folder }) => {
        const link = { infoHash, trackers: tiers.flat(), peers: [], ...(name === undefined ? {} : { name }) };
        return { magnet: formatMagnet(link), folder };
      }),
    });
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
