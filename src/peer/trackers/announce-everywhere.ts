import type { AnnouncedContent, AnnounceEvents, Announcing, AnnouncingStatus } from './announcement.ts';
import { AnnouncingTogether } from './announcing-together.ts';
import type { AnnounceOptions, TrackerClient } from './tracker-client.ts';

/** Who may be asked for peers of a content; either may be missing. */
export interface Askable extends AnnounceOptions {
  /** The Peer Info Requester. */
  readonly cluster?: { announce(content: AnnouncedContent, events: AnnounceEvents): Announcing } | undefined;
  readonly trackers?: TrackerClient | undefined;
  /** URLs that came with the content, as BEP 12 orders them. */
  readonly tiers?: readonly (readonly string[])[];
}

/**
 * Announces a content to the cluster and to the trackers that came with it; a private one to its trackers only (BEP 27). What is
 * known by a magnet link may prove private when its metadata comes: then `changed` takes leave of the cluster.
 */
export function announceEverywhere(content: AnnouncedContent, askable: Askable, events: AnnounceEvents): Announcing {
  const { cluster, trackers, tiers = [], everyTier } = askable;
  const parts: Announcing[] = [];
  if (trackers && tiers.length > 0) {
    parts.push(trackers.announce(content, tiers, events, everyTier === undefined ? {} : { everyTier }));
  }
  if (cluster && !content.isPrivate) parts.push(new UnlessPrivate(content, cluster.announce(content, events)));
  return new AnnouncingTogether(parts);
}

class UnlessPrivate implements Announcing {
  readonly #content: AnnouncedContent;
  readonly #announcing: Announcing;

  constructor(content: AnnouncedContent, announcing: Announcing) {
    this.#content = content;
    this.#announcing = announcing;
  }

  get status(): AnnouncingStatus {
    return this.#announcing.status;
  }

  changed(): void {
    if (this.#content.isPrivate) void this.#announcing.stop();
    else this.#announcing.changed();
  }

  morePeers(): void {
    if (!this.#content.isPrivate) this.#announcing.morePeers();
  }

  stop(withinMs?: number): Promise<boolean> {
    return this.#announcing.stop(withinMs);
  }
}
