import { formatEndpoint } from '../../bittorrent/magnet.ts';
import type { PeerInfoRequester } from '../../peer/peer-info-requester.ts';

const LOOK_EVERY_MS = 5_000;

/** Looks for a tracker while none is known, so that a peer that shares nothing yet can say whether there is a cluster. */
export class TrackerWatch {
  readonly #requester: PeerInfoRequester;
  readonly #timer: NodeJS.Timeout;
  #isLooking = false;

  constructor(requester: PeerInfoRequester) {
    this.#requester = requester;
    this.#timer = setInterval(() => void this.#look(), LOOK_EVERY_MS);
    void this.#look();
  }

  /** HOST:PORT; null while none answers. */
  get tracker(): string | null {
    const { tracker } = this.#requester;
    return tracker ? formatEndpoint(tracker) : null;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#isLooking || this.#requester.tracker) return;
    this.#isLooking = true;
    // None answers, which `tracker` says already; the next look tries again.
    await this.#requester.locate().catch(() => {});
    this.#isLooking = false;
  }
}
