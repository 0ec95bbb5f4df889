import type { HttpAnnounce, HttpAnnounceReply } from '../../bittorrent/http-tracker-client.ts';
import type { PeerEndpoint } from '../../bittorrent/magnet.ts';
import type { TrackerError } from './tracker-error.ts';

/** A content as trackers are told of it. What may change (all but `infoHash`) is read anew for each announce. */
export interface AnnouncedContent {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** Where other peers reach this one. */
  readonly port: number;
  /** For the list of contents; only a cluster is told, never a tracker that came with a torrent or magnet. */
  readonly name?: string | undefined;
  /** Bytes; as `name`. */
  readonly size?: number | undefined;
  /** Its own trackers only are told (BEP 27). */
  readonly isPrivate?: boolean | undefined;
  /** Peers that are wanted at once; by default as many as the tracker likes. */
  readonly numWant?: number | undefined;
  progress(): Progress;
}

/** Bytes, counted since the content began to be announced. */
export interface Progress {
  readonly uploaded: number;
  readonly downloaded: number;
  /** What is still missing; undefined while that is not known, as with a magnet link. */
  readonly left: number | undefined;
}

/** Who told of peers. */
export type PeerSource =
  | { readonly kind: 'cluster'; readonly tracker: PeerEndpoint }
  /** The URL may hold a passkey: it is not for everybody's eyes. */
  | { readonly kind: 'tracker'; readonly url: string };

export interface AnnounceEvents {
  /** Of each answer, also one without peers; among them may be this peer itself. */
  peers(peers: readonly PeerEndpoint[], source: PeerSource): void;
  /** An announce failed; it is repeated by itself. */
  failed?(error: TrackerError): void;
}

/** A content that is being announced. */
export interface Announcing {
  /** To be called when something happened that trackers are to know at once: the last byte is there. */
  changed(): void;
  /** Asks for more peers, as soon as trackers allow it. */
  morePeers(): void;
  readonly status: AnnouncingStatus;
  /**
   * Takes leave of all trackers that know of this peer; within this time, whatever they do. Can be called twice.
   * @returns whether all of them know
   */
  stop(withinMs?: number): Promise<boolean>;
}

export const STOP_WITHIN_MS = 3_000;

export interface AnnouncingStatus {
  readonly state: 'asking' | 'waiting' | 'stopped';
  /** Milliseconds until the next announce, while `waiting`; Infinity: none by itself. */
  readonly nextInMs: number;
  readonly seeders: number | undefined;
  readonly leechers: number | undefined;
  /** This peer as the tracker sees it, where that says so (BEP 24). */
  readonly externalHost: string | undefined;
  /** What the tracker wants people to know. */
  readonly warning: string | undefined;
  /** Why the last announce failed; undefined when it did not. */
  readonly failure: TrackerError | undefined;
}

/** What one announce says. */
export type AnnounceFields = Omit<HttpAnnounce, 'trackerId'>;
export type AnnounceAnswer = Omit<HttpAnnounceReply, 'trackerId'>;

/** How long one tracker is given. */
export interface Patience {
  /** The first attempt of a datagram; twice as long for each further one. */
  readonly firstMs: number;
  /** Attempts without an answer; a request over TCP is one. */
  readonly attempts: number;
}

/**
 * A way to one tracker.
 * @throws {TrackerError}
 */
export type AskTracker = (fields: AnnounceFields, patience: Patience, signal: AbortSignal) => Promise<AnnounceAnswer>;
