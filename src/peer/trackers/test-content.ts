import { randomBytes } from 'node:crypto';
import type { PeerEndpoint } from '../../bittorrent/magnet.ts';
import type { AnnouncedContent, AnnounceEvents, PeerSource, Progress } from './announcement.ts';
import type { TrackerError } from './tracker-error.ts';

/** A content that a test announces, and what it is told of it. */
export class TestContent implements AnnouncedContent, AnnounceEvents {
  readonly infoHash: Uint8Array = Uint8Array.from(randomBytes(20));
  readonly peerId: Uint8Array = Uint8Array.from(randomBytes(20));
  readonly port: number;
  name: string | undefined;
  size: number | undefined;
  isPrivate = false;
  current: Progress = { uploaded: 0, downloaded: 0, left: 1000 };
  readonly answers: { readonly peers: readonly PeerEndpoint[]; readonly source: PeerSource }[] = [];
  readonly failures: TrackerError[] = [];

  constructor(
    port: number,
    more: Partial<Pick<TestContent, 'infoHash' | 'name' | 'size' | 'isPrivate' | 'current'>> = {},
  ) {
    this.port = port;
    Object.assign(this, more);
  }

  progress(): Progress {
    return this.current;
  }

  peers(peers: readonly PeerEndpoint[], source: PeerSource): void {
    this.answers.push({ peers, source });
  }

  failed(error: TrackerError): void {
    this.failures.push(error);
  }

  /** Ports of all peers that it was told of. */
  get ports(): Set<number> {
    return new Set(this.answers.flatMap(({ peers }) => peers.map(({ port }) => port)));
  }
}

/** What a seeder has: all. */
export const COMPLETE: Progress = { uploaded: 0, downloaded: 0, left: 0 };
