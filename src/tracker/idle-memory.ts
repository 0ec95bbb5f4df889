/**
 * A rush of new peers leaves tens of megabytes behind that were freed in small pieces, most of them batches of the log, and glibc
 * keeps them. They are given back when the rush is over: it takes some milliseconds, in which other threads wait for memory.
 */
export class IdleMemory {
  readonly #release: () => void;
  /** Entries that were applied when memory was last released, and at the last turn. */
  #released = 0n;
  #lastTurn = 0n;

  constructor(release: () => void) {
    this.#release = release;
  }

  /**
   * To be called now and then.
   * @param applied the last entry of the log that was applied
   * @param durable the last one that the tables hold for good: up to there the log was trimmed
   */
  turn(applied: bigint, durable: bigint): void {
    const isIdle = applied === this.#lastTurn && durable >= applied;
    this.#lastTurn = applied;
    if (!isIdle || applied - this.#released < RUSH_ENTRIES) return;
    this.#released = applied;
    this.#release();
  }
}

/** Entries hold up to 80 announces, which take some 3 kB. */
export const RUSH_ENTRIES = 2_000n;
