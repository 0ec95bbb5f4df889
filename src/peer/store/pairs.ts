/** One that is alone waits for another: so long at least, and while they come quickly so long at most. */
const LEAST_WAIT_MS = 3;
const MOST_WAIT_MS = 20;
/** So many times as long as it usually takes until another comes. */
const PATIENCE = 3;
/** Weight of the latest in what is usual. */
const NEWS = 0.25;

interface Waiting<Item, Answer> {
  readonly item: Item;
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

/** Brings together two at a time of what comes one by one, for those who do two in little more time than one. */
export class Pairs<Item, Answer> {
  readonly #act: (items: readonly Item[]) => Promise<readonly Answer[]>;
  readonly #now: () => number;
  #alone: Waiting<Item, Answer> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #cameMs = Number.NEGATIVE_INFINITY;
  /** How long it usually takes from one to the next; longer times count as twice MOST_WAIT_MS. */
  #usualMs = 2 * MOST_WAIT_MS;

  /**
   * @param act is given two or, when no other came in time, one; it answers in their order
   * @param now milliseconds that never go back
   */
  constructor(act: (items: readonly Item[]) => Promise<readonly Answer[]>, now = () => performance.now()) {
    this.#act = act;
    this.#now = now;
  }

  /** @returns what `act` answers for it; when that fails, both of a pair do */
  add(item: Item): Promise<Answer> {
    this.#noteArrival();
    return new Promise((resolve, reject) => {
      const waiting = { item, resolve, reject };
      const other = this.#alone;
      if (other) {
        clearTimeout(this.#timer);
        this.#alone = undefined;
        void this.#answer([other, waiting]);
        return;
      }
      this.#alone = waiting;
      this.#timer = setTimeout(() => {
        this.#alone = undefined;
        void this.#answer([waiting]);
      }, this.#waitMs());
    });
  }

  #noteArrival(): void {
    const now = this.#now();
    this.#usualMs += NEWS * (Math.min(now - this.#cameMs, 2 * MOST_WAIT_MS) - this.#usualMs);
    this.#cameMs = now;
  }

  /** Who waits in vain was hashed late for nothing, so that is not done where others seldom come. */
  #waitMs(): number {
    if (this.#usualMs > MOST_WAIT_MS) return LEAST_WAIT_MS;
    return Math.min(MOST_WAIT_MS, Math.max(LEAST_WAIT_MS, PATIENCE * this.#usualMs));
  }

  async #answer(pair: readonly Waiting<Item, Answer>[]): Promise<void> {
    try {
      const answers = await this.#act(pair.map(({ item }) => item));
      for (const [i, { resolve }] of pair.entries()) resolve(answers[i]);
    } catch (error) {
      for (const { reject } of pair) reject(error as Error);
    }
  }
}
