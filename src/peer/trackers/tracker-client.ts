import type { AddressFamily } from '../../bittorrent/compact-peers.ts';
import type { AnnouncedContent, AnnounceEvents, Announcing, AskTracker, Patience } from './announcement.ts';
import { Announcer } from './announcer.ts';
import { AnnouncingTogether } from './announcing-together.ts';
import { ContentReport } from './content-report.ts';
import { Gate } from './gate.ts';
import { HTTP_TIMEOUT_MS } from './http-get.ts';
import { HttpTracker } from './http-tracker.ts';
import { PlainTracker } from './plain-tracker.ts';
import { TieredRound } from './tiered-round.ts';
import { type LookUp, parseTrackerUrl, type TrackerUrl } from './tracker-address.ts';
import { TrackerTiers } from './tracker-tiers.ts';
import { FIRST_ATTEMPT_MS, MAX_DOUBLINGS, UdpTrackers } from './udp-trackers.ts';

/** Attempts at a UDP tracker while others of the content could be asked: 45 seconds. */
export const ATTEMPTS_AMONG_OTHERS = 2;
/** The first attempt of a `stopped`; several fit into the time that there is for it. */
export const FIRST_STOP_ATTEMPT_MS = 500;
/** Requests over TCP at the same time, of all contents together. */
export const MAX_HTTP_REQUESTS = 50;
/** Between answers, where the tracker names no least interval; what other clients keep to. */
export const LEAST_GAP_MS = 60_000;

export interface TrackerClientOptions {
  /** BEP 15: 15 seconds, doubled up to 8 times. */
  readonly udpPatience?: Patience;
  /** Of an announce by HTTP, all in all. */
  readonly httpTimeoutMs?: number;
  /** Certificates of authorities that are trusted, PEM, instead of the system's. */
  readonly ca?: string;
  /** Finds the addresses of names; the system's way by default. */
  readonly lookUp?: LookUp;
  /** From 0 to below 1. */
  readonly random?: () => number;
}

export interface AnnounceOptions {
  /**
   * Asks one tracker of each tier instead of one in all: for magnet links, whose trackers know of different peers and stand in no
   * order.
   */
  readonly everyTier?: boolean;
}

/**
 * The trackers of torrent files and magnet links, for all contents of a process.
 *
 * ```ts
 * const trackers = new TrackerClient();
 * const announcing = trackers.announce(content, metainfo.trackers, { peers: (peers) => ... });
 * await announcing.stop();
 * await trackers.close();
 * ```
 */
export class TrackerClient {
  readonly #options: TrackerClientOptions;
  readonly #udp = new UdpTrackers();
  readonly #http = new Gate(MAX_HTTP_REQUESTS);
  readonly #announcing = new Set<Announcing>();

  constructor(options: TrackerClientOptions = {}) {
    this.#options = options;
  }

  /**
   * Announces the content from now on. Addresses that are none are left out.
   * @param tiers URLs as BEP 12 orders them
   */
  announce(
    content: AnnouncedContent,
    tiers: readonly (readonly string[])[],
    events: AnnounceEvents,
    { everyTier = false }: AnnounceOptions = {},
  ): Announcing {
    const report = new ContentReport(content);
    const trackers = distinctUrls(tiers).map((tier) => tier.map((url) => this.#tracker(url, report, events)));
    const parts = (everyTier ? trackers.map((tier) => [tier]) : [trackers]).filter((part) => part.length > 0);
    const announcers = parts.map((part) => this.#announcer(part, content, events));
    const announcing: Announcing = new AnnouncingTogether(announcers, () => this.#announcing.delete(announcing));
    this.#announcing.add(announcing);
    return announcing;
  }

  /** Takes leave of all trackers, within this time. */
  async close(withinMs?: number): Promise<void> {
    await Promise.all([...this.#announcing].map((each) => each.stop(withinMs)));
    await this.#udp.close();
  }

  #announcer(tiers: readonly PlainTracker[][], content: AnnouncedContent, events: AnnounceEvents): Announcer {
    const { udpPatience, random = Math.random } = this.#options;
    const patience = udpPatience ?? { firstMs: FIRST_ATTEMPT_MS, attempts: MAX_DOUBLINGS + 1 };
    const round = new TieredRound(new TrackerTiers(tiers, random), {
      random,
      patience,
      patienceAmongOthers: { ...patience, attempts: Math.min(patience.attempts, ATTEMPTS_AMONG_OTHERS) },
      hurry: { firstMs: Math.min(FIRST_STOP_ATTEMPT_MS, patience.firstMs), attempts: patience.attempts },
    });
    return new Announcer(round, {
      random,
      gapMs: LEAST_GAP_MS,
      isIncomplete: () => content.progress().left !== 0,
      ...(events.failed && { failed: (error) => events.failed?.(error) }),
    });
  }

  #tracker(url: TrackerUrl, report: ContentReport, events: AnnounceEvents): PlainTracker {
    return new PlainTracker(
      url,
      report,
      { wayTo: (...to) => this.#wayTo(...to), lookUp: this.#options.lookUp },
      ({ peers }) => events.peers(peers, { kind: 'tracker', url: url.href }),
    );
  }

  #wayTo(url: TrackerUrl, family: AddressFamily, address: string): AskTracker {
    if (url.protocol === 'udp') {
      const to = { endpoint: { host: address, port: url.port }, family, path: url.path };
      return (fields, patience, signal) => this.#udp.announce(to, fields, patience, signal);
    }
    const { httpTimeoutMs = HTTP_TIMEOUT_MS, ca } = this.#options;
    const tracker = new HttpTracker(url.href, { family, address }, { timeoutMs: httpTimeoutMs, ca });
    return (fields, _patience, signal) => this.#http.run(signal, () => tracker.announce(fields, signal));
  }
}

/** A tracker that stands there several times is asked where it stands first. */
function distinctUrls(tiers: readonly (readonly string[])[]): TrackerUrl[][] {
  const seen = new Set<string>();
  return tiers
    .map((tier) =>
      tier.flatMap((text) => {
        const url = seen.has(text) ? undefined : usable(text);
        seen.add(text);
        return url ?? [];
      }),
    )
    .filter((tier) => tier.length > 0);
}

function usable(text: string): TrackerUrl | undefined {
  try {
    return parseTrackerUrl(text);
  } catch {
    // Torrents name trackers of all kinds (wss://); what cannot be asked is of no use here.
    return undefined;
  }
}
