import type { Peer } from '../../peer/peer.ts';
import { MAX_SAMPLES, SAMPLE_MS, type TransferSample, type TransferView } from './peer-schemas.ts';

/** Bytes that a content came to since the start, in both directions. */
interface Totals {
  readonly down: number;
  readonly up: number;
}

/** What the peer received and sent in each of the last seconds. */
export class TransferHistory {
  readonly #peer: Peer;
  readonly #samples: TransferSample[] = [];
  readonly #timer: NodeJS.Timeout;
  #known = new Map<string, Totals>();
  #downloaded = 0;
  #uploaded = 0;
  #count = 0;
  #at = Date.now();

  constructor(peer: Peer) {
    this.#peer = peer;
    this.#timer = setInterval(() => this.sample(), SAMPLE_MS);
  }

  /** Samples taken so far, those that are kept no more too. */
  get count(): number {
    return this.#count;
  }

  /** All, or only those after the first `known` samples. */
  view(known = 0): TransferView {
    const fresh = Math.min(this.#samples.length, this.#count - known);
    return {
      at: this.#at,
      samples: this.#samples.slice(this.#samples.length - fresh),
      downloaded: this.#downloaded,
      uploaded: this.#uploaded,
    };
  }

  /** To be called every SAMPLE_MS, which the history does by itself. */
  sample(): void {
    const known = new Map<string, Totals>();
    let [received, sent] = [0, 0];
    for (const { sha1, download } of this.#peer.contents) {
      if (!download) continue;
      const totals = { down: download.downMeter.total, up: download.upMeter.total };
      const before = this.#known.get(sha1);
      // One that was removed and added again counts from 0.
      received += totals.down - (before && before.down <= totals.down ? before.down : 0);
      sent += totals.up - (before && before.up <= totals.up ? before.up : 0);
      known.set(sha1, totals);
    }
    this.#known = known;
    this.#downloaded += received;
    this.#uploaded += sent;
    this.#samples.push([received, sent]);
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
    this.#count++;
    this.#at = Date.now();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
