import { type ContentQuery, MAX_CONTENT_NAME_BYTES } from '../bittorrent/content-query.ts';
import { formatEndpoint, type PeerEndpoint } from '../bittorrent/magnet.ts';
import type { AnnounceAnswer, AnnouncedContent, AnnounceEvents, Announcing } from './trackers/announcement.ts';
import { type AnnounceRound, Announcer } from './trackers/announcer.ts';
import type { ContentsPage, ContentsQuery, InstanceFinder, ListedContent } from './trackers/cluster-api.ts';
import type { ClusterPlace } from './trackers/cluster-lanes.ts';
import { ClusterLink } from './trackers/cluster-link.ts';
import { ContentReport } from './trackers/content-report.ts';
import { findContent } from './trackers/find-content.ts';
import { TrackerAccount } from './trackers/tracker-account.ts';
import { TrackerError } from './trackers/tracker-error.ts';
import { within } from './trackers/within.ts';

/** How long a cluster is looked for, for somebody who waits: an election takes a fraction of a second, a start some. */
export const PATIENCE_MS = 5_000;
/** Between an answer and the announce that `morePeers` asks for. */
export const LEAST_GAP_MS = 5_000;
/** Whoever knows of no peer asks again so soon, and then less and less often: on a LAN the seeder may come a moment later. */
export const LONELY_MS = 1_000;
export const LONGEST_LONELY_MS = 30_000;
/** How often the instances of a cluster that is asked by address are looked up. */
const LEARN_EVERY_MS = 60_000;

export interface RequesterOptions extends ClusterPlace {
  /** From 0 to below 1. */
  readonly random?: () => number;
}

/**
 * The Peer Info Requester: asks the cluster who has which content, and which contents there are. It finds the master by
 * multicast, stays with it, and finds the next one when it is silent; nobody who uses it notices, but for a moment's delay.
 *
 * ```ts
 * const requester = await PeerInfoRequester.open({ group: { host: '239.255.77.69', port: 6969 } });
 * const announcing = requester.announce(content, { peers: (peers) => ... });
 * const { sha1 } = await requester.find('big.iso');
 * await announcing.stop();
 * await requester.close();
 * ```
 */
export class PeerInfoRequester {
  readonly #link: ClusterLink;
  readonly #place: ClusterPlace;
  readonly #random: () => number;
  readonly #closing = new AbortController();
  readonly #announcing = new Set<Announcing>();
  readonly #finder: InstanceFinder = {
    locate: () => this.locate(),
    forget: (instance) => this.#link.forget(instance),
  };
  #learnedAtMs = Number.NEGATIVE_INFINITY;

  /**
   * Opens what the cluster is asked from. It need not be there yet.
   * @throws {TrackerError} BAD_INTERFACE, UNREACHABLE: there is nothing to ask from
   */
  static async open(options: RequesterOptions): Promise<PeerInfoRequester> {
    return new PeerInfoRequester(options, await ClusterLink.open(options));
  }

  private constructor(options: RequesterOptions, link: ClusterLink) {
    this.#place = options;
    this.#link = link;
    this.#random = options.random ?? Math.random;
  }

  /** The instance that answered last; undefined while it is looked for. */
  get tracker(): PeerEndpoint | undefined {
    return this.#link.master;
  }

  /**
   * Finds an instance that answers.
   * @throws {TrackerError} NO_TRACKER nobody answered in time; STOPPED
   */
  async locate(patienceMs = PATIENCE_MS): Promise<PeerEndpoint> {
    const searching = new AbortController();
    const { signal } = this.#closing;
    try {
      const found = await within(patienceMs, signal, this.#link.locate(AbortSignal.any([signal, searching.signal])));
      if (found) return found;
    } finally {
      searching.abort();
    }
    const { group, interfaces, instances } = this.#place;
    const where = instances
      ? `at ${instances.map((each) => formatEndpoint(each)).join(', ')}`
      : `in group ${formatEndpoint(group)}${interfaces ? ` on ${interfaces.join(', ')}` : ''}`;
    throw new TrackerError(
      'NO_TRACKER',
      `no tracker answers ${where}: start one with \`swarmkeeper up\`, or name an instance with --tracker HOST:PORT`,
    );
  }

  /**
   * Announces the content from now on; the peers that the cluster tells of come as events.
   * @throws {TrackerError} PRIVATE
   */
  announce(content: AnnouncedContent, events: AnnounceEvents): Announcing {
    if (content.isPrivate) {
      throw new TrackerError('PRIVATE', 'a private content is announced to its own trackers only (BEP 27)');
    }
    const announcer = new Announcer(this.#round(content, events), {
      random: this.#random,
      gapMs: LEAST_GAP_MS,
      lonelyMs: LONELY_MS,
      longestLonelyMs: LONGEST_LONELY_MS,
      isIncomplete: () => content.progress().left !== 0,
      ...(events.failed && { failed: (error) => events.failed?.(error) }),
    });
    const announcing: Announcing = {
      get status() {
        return announcer.status;
      },
      changed: () => announcer.changed(),
      morePeers: () => announcer.morePeers(),
      stop: async (withinMs) => {
        const told = await announcer.stop(withinMs);
        this.#announcing.delete(announcing);
        return told;
      },
    };
    this.#announcing.add(announcing);
    return announcing;
  }

  /**
   * All contents, page by page in the order of their sha1. An instance that dies meanwhile is replaced by the next one.
   * @throws {TrackerError} NO_TRACKER, UNREACHABLE, NO_ANSWER, MALFORMED_REPLY, STOPPED
   */
  async *contents(): AsyncGenerator<readonly ListedContent[]> {
    const { listContents } = await clusterApi();
    yield* listContents(this.#finder, this.#closing.signal);
  }

  /** One page of the contents that match a search, in the order that is asked for. @throws {TrackerError} as `contents` */
  async search(query: ContentsQuery): Promise<ContentsPage> {
    const { findContents } = await clusterApi();
    return await findContents(this.#finder, query, this.#closing.signal);
  }

  /**
   * The content of that name; if there is none, the only one whose name begins so.
   * @throws {AmbiguousNameError} {@link TrackerError} NO_SUCH_CONTENT; as `contents`
   */
  find(name: string): Promise<ListedContent> {
    return findContent(this.contents(), name);
  }

  /** Takes leave for all contents, within this time. Can be called twice. */
  async close(withinMs?: number): Promise<void> {
    await Promise.all([...this.#announcing].map((each) => each.stop(withinMs)));
    this.#closing.abort(new TrackerError('STOPPED', 'the requester was closed'));
    this.#link.close();
  }

  #round(content: AnnouncedContent, events: AnnounceEvents): AnnounceRound {
    let tracker: PeerEndpoint | undefined;
    const account = new TrackerAccount(new ContentReport(content), async (fields, _patience, signal) => {
      const { answer, from } = await this.#link.announce({ ...fields, content: nameAndSize(content) }, signal);
      tracker = from;
      this.#learnInstances();
      return answer;
    });
    return {
      announce: async (signal): Promise<AnnounceAnswer> => {
        const answer = await account.announce(UNLIMITED, signal);
        if (tracker) events.peers(answer.peers, { kind: 'cluster', tracker });
        return answer;
      },
      stop: (signal) => account.stop(UNLIMITED, signal),
    };
  }

  /** Where one instance was named, the others can stand in for it. */
  #learnInstances(): void {
    const now = performance.now();
    if (!this.#link.isByAddress || now - this.#learnedAtMs < LEARN_EVERY_MS) return;
    this.#learnedAtMs = now;
    const learn = async () => {
      const { listInstances } = await clusterApi();
      this.#link.learn(await listInstances(this.#finder, this.#closing.signal));
    };
    // When it fails the next announce tries again; what was named stays known.
    learn().catch(() => {});
  }
}

/** Takes a while to load: who announces only does not wait for it. */
const clusterApi = () => import('./trackers/cluster-api.ts');

/** The cluster is asked until it answers. */
const UNLIMITED = { firstMs: Number.POSITIVE_INFINITY, attempts: Number.POSITIVE_INFINITY };

/** As much of the name as the list has room for. */
function nameAndSize({ name, size }: AnnouncedContent): ContentQuery {
  const room = new Uint8Array(MAX_CONTENT_NAME_BYTES);
  const { written } = new TextEncoder().encodeInto(name ?? '', room);
  const shown = new TextDecoder('utf-8', { ignoreBOM: true }).decode(room.subarray(0, written));
  return { ...(shown === '' ? {} : { name: shown }), ...(size === undefined ? {} : { size }) };
}
