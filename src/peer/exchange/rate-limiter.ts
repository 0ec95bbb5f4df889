/** A bucket holds what may go within this time at once. */
export const BURST_MS = 200;
/** However low the rate, a bucket holds this much, so that a block can go at all. */
export const LEAST_BURST_BYTES = 16 * 1024;

/**
 * A token bucket under a clock that is handed in. Bytes may be taken beyond what is there, as a block cannot be split: then
 * nothing is granted until the debt is paid, and over any time no more goes than the rate and one burst.
 */
export class RateLimiter {
  #bytesPerSecond: number;
  #tokens: number;
  #lastMs: number;

  /** @param bytesPerSecond Infinity for no limit */
  constructor(bytesPerSecond: number, nowMs: number) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#tokens = this.#burst;
    this.#lastMs = nowMs;
  }

  get bytesPerSecond(): number {
    return this.#bytesPerSecond;
  }

  setRate(bytesPerSecond: number, nowMs: number): void {
    this.#refill(nowMs);
    this.#bytesPerSecond = bytesPerSecond;
    this.#tokens = Math.min(this.#tokens, this.#burst);
  }

  /** Whether anything may go now. */
  mayTake(nowMs: number): boolean {
    this.#refill(nowMs);
    return this.#tokens > 0;
  }

  /** Counts bytes that go, or that came. */
  take(nowMs: number, bytes: number): void {
    this.#refill(nowMs);
    if (this.#bytesPerSecond !== Number.POSITIVE_INFINITY) this.#tokens -= bytes;
  }

  /** Milliseconds until something may go: 0 when it may now, Infinity at a rate of 0. */
  waitMs(nowMs: number): number {
    if (this.mayTake(nowMs)) return 0;
    return this.#bytesPerSecond === 0
      ? Number.POSITIVE_INFINITY
      : Math.ceil((1 - this.#tokens) / (this.#bytesPerSecond / 1000));
  }

  get #burst(): number {
    if (this.#bytesPerSecond === 0) return 0;
    return Math.max(LEAST_BURST_BYTES, (this.#bytesPerSecond * BURST_MS) / 1000);
  }

  #refill(nowMs: number): void {
    const passedMs = Math.max(0, nowMs - this.#lastMs);
    this.#lastMs = Math.max(nowMs, this.#lastMs);
    if (this.#bytesPerSecond === Number.POSITIVE_INFINITY) this.#tokens = this.#burst;
    else this.#tokens = Math.min(this.#burst, this.#tokens + (this.#bytesPerSecond * passedMs) / 1000);
  }
}
