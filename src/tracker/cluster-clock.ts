/**
 * Cluster time: milliseconds that never go back, the same for every instance up to the length of a batch's way.
 *
 * It starts at zero with the cluster. The master advances it by its monotonic clock and puts it into every batch;
 * whoever applies the batch goes on from there. What an instance counted before it heard of its cluster does not matter.
 * No wall clock has a part in it: setting one changes nothing.
 */
export class ClusterClock {
  readonly #monotonic: () => number;
  /** Cluster time minus monotonic time. */
  #offset: number;
  #latest = 0;
  /** Whether the cluster's time was heard. */
  #heard = false;

  /** @param monotonic milliseconds of a clock that never goes back */
  constructor(monotonic: () => number = () => performance.now()) {
    this.#monotonic = monotonic;
    this.#offset = -monotonic();
  }

  /** Whole milliseconds. */
  now(): number {
    const now = Math.floor(this.#monotonic() + this.#offset);
    if (now > this.#latest) this.#latest = now;
    return this.#latest;
  }

  /** Starts over at zero, for a state that is about to be replaced by another one with its own time. */
  reset(): void {
    this.#offset = -this.#monotonic();
    this.#latest = 0;
    this.#heard = false;
  }

  /** A batch of this time was applied: time goes on from there, at least. */
  advanceTo(timeMs: number): void {
    if (this.#heard && timeMs <= this.now()) return;
    this.#heard = true;
    this.#offset = timeMs - this.#monotonic();
    this.#latest = timeMs;
  }
}
