/** Speeds are of the last so many milliseconds. */
export const SPEED_WINDOW_MS = 5_000;
const SLOT_MS = 250;
const SLOTS = SPEED_WINDOW_MS / SLOT_MS;

/** Bytes a second over the last seconds, under a clock that is handed in and never goes back. */
export class SpeedMeter {
  /** Bytes of each slot of time, as a ring. */
  readonly #slots = new Float64Array(SLOTS);
  #sum = 0;
  #slot: number;
  readonly #startMs: number;
  #total = 0;

  constructor(nowMs: number) {
    this.#startMs = nowMs;
    this.#slot = Math.floor(nowMs / SLOT_MS);
  }

  /** Bytes ever. */
  get total(): number {
    return this.#total;
  }

  add(nowMs: number, bytes: number): void {
    this.#advance(nowMs);
    this.#slots[this.#slot % SLOTS] += bytes;
    this.#sum += bytes;
    this.#total += bytes;
  }

  bytesPerSecond(nowMs: number): number {
    this.#advance(nowMs);
    // A meter younger than the window divides by its age; half a second at least, or the first bytes would be a storm.
    const ageMs = Math.max(500, Math.min(SPEED_WINDOW_MS, nowMs - this.#startMs));
    return (this.#sum * 1000) / ageMs;
  }

  #advance(nowMs: number): void {
    const slot = Math.floor(nowMs / SLOT_MS);
    if (slot - this.#slot >= SLOTS) {
      this.#slots.fill(0);
      this.#sum = 0;
      this.#slot = slot;
    }
    while (this.#slot < slot) {
      this.#slot++;
      this.#sum -= this.#slots[this.#slot % SLOTS];
      this.#slots[this.#slot % SLOTS] = 0;
    }
  }
}
