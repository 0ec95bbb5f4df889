import type { RateLimiter } from '../exchange/rate-limiter.ts';
import type { PeerLink } from '../transport/peer-transport.ts';

/** Keeps to the download rate: a link through which more came is not read until the rate allows it, and its peer feels it. */
export class ReceiveBrake {
  readonly #limiter: RateLimiter;
  readonly #now: () => number;
  readonly #heldBack = new Set<PeerLink>();
  #timer: NodeJS.Timeout | undefined;

  constructor(limiter: RateLimiter, now: () => number) {
    this.#limiter = limiter;
    this.#now = now;
  }

  received(link: PeerLink, bytes: number): void {
    this.#limiter.take(this.#now(), bytes);
    const waitMs = this.#limiter.waitMs(this.#now());
    if (waitMs === 0) return;
    link.pause();
    this.#heldBack.add(link);
    if (this.#timer || waitMs === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#resumeAll();
    }, waitMs);
  }

  /** The rate is another now: what was held back for the old one is held back anew. */
  rateChanged(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#resumeAll();
  }

  /** The link is closed. */
  forget(link: PeerLink): void {
    this.#heldBack.delete(link);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#heldBack.clear();
  }

  #resumeAll(): void {
    for (const held of this.#heldBack) held.resume();
    this.#heldBack.clear();
  }
}
