/** When a client was acknowledged, and the longest time in which it was not. All times are of `performance.now()`. */

/** So much is remembered: minutes at the pace of a client. */
const MAX_REMEMBERED = 1 << 16;

export class Acknowledgements {
  readonly #atMs: number[] = [];
  /** Requests that were answered more than once: two masters, or one that repeats itself. */
  repeated = 0;
  /** Answers that say no. */
  refused = 0;
  #lastSentMs = Number.NEGATIVE_INFINITY;

  add(sentMs: number, atMs: number): void {
    if (this.#atMs.length === MAX_REMEMBERED) this.#atMs.shift();
    this.#atMs.push(atMs);
    this.#lastSentMs = Math.max(this.#lastSentMs, sentMs);
  }

  get count(): number {
    return this.#atMs.length;
  }

  /** When the newest request left that was acknowledged. */
  get lastSentMs(): number {
    return this.#lastSentMs;
  }

  /**
   * The longest time without an acknowledgement, from the last one before `faultMs` until now. When a master is killed that is the
   * time from its last acknowledgement to the first one of the next; it also sees a second gap behind the first.
   */
  longestGapMs(faultMs: number): number {
    const first = this.#atMs.findLastIndex((atMs) => atMs <= faultMs);
    const times = this.#atMs.slice(Math.max(0, first));
    return Math.max(...times.slice(1).map((atMs, i) => atMs - times[i]!));
  }
}
