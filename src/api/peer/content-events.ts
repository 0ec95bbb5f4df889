import type { PeerContent } from '../../peer/peer-content.ts';
import type { Download } from '../../peer/swarm/download.ts';
import type { EventStream } from './event-stream.ts';
import { type ContentChanges, type ContentSnapshot, LOOK_MS } from './peer-schemas.ts';
import { peerViews } from './peer-views.ts';
import { base64, changedRuns, mapPieces } from './piece-map.ts';

/** The table of peers is told at most so often: nobody reads faster. */
const PEERS_MS = 500;

/**
 * Tells one listener what a content looks like inside, its pieces and its peers, until the listener goes or the content does.
 * @param isThere whether the peer still has the content
 */
export function tellContent(content: PeerContent, stream: EventStream, isThere: () => boolean): void {
  const teller = new ContentTeller(content, stream);
  const timer = setInterval(() => {
    if (isThere()) {
      teller.look();
    } else {
      stream.send('removed', '{}');
      stream.end();
    }
  }, LOOK_MS);
  stream.onClose(() => clearInterval(timer));
  teller.look();
}

class ContentTeller {
  readonly #content: PeerContent;
  readonly #stream: EventStream;
  /** Whose pieces were told last; undefined: none were. */
  #download: Download | undefined;
  #map = new Uint8Array(0);
  #next = new Uint8Array(0);
  #peers: string | undefined;
  #peersMs = Number.NEGATIVE_INFINITY;

  constructor(content: PeerContent, stream: EventStream) {
    this.#content = content;
    this.#stream = stream;
  }

  look(): void {
    if (!this.#stream.isReady) return;
    const { download } = this.#content;
    if (this.#peers === undefined || download !== this.#download) this.#tellAll(download);
    else this.#tellChanges(download);
  }

  #tellChanges(download: Download | undefined): void {
    const changes: ContentChanges = {};
    if (download) {
      mapPieces(download, this.#next);
      const runs = changedRuns(this.#map, this.#next);
      [this.#map, this.#next] = [this.#next, this.#map];
      if (runs.length > 0) changes.runs = runs;
    }
    if (performance.now() - this.#peersMs >= PEERS_MS) {
      const peers = peerViews(this.#content);
      const told = JSON.stringify(peers);
      if (told !== this.#peers) changes.peers = peers;
      this.#peers = told;
      this.#peersMs = performance.now();
    }
    if (changes.runs || changes.peers) this.#stream.send('changes', JSON.stringify(changes));
    else this.#stream.stayAlive();
  }

  #tellAll(download: Download | undefined): void {
    const { pieceLength = 0, pieceCount = 0 } = download?.info ?? {};
    this.#download = download;
    this.#map = new Uint8Array(pieceCount);
    this.#next = new Uint8Array(pieceCount);
    if (download) mapPieces(download, this.#map);
    const peers = peerViews(this.#content);
    this.#peers = JSON.stringify(peers);
    this.#peersMs = performance.now();
    const pieces = download ? { pieceLength, pieceCount, map: base64(this.#map) } : null;
    this.#stream.send('snapshot', JSON.stringify({ pieces, peers } satisfies ContentSnapshot));
  }
}
