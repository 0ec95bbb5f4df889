/** One that is alone waits so long for another. */
const WAIT_MS = 3;

interface Waiting<Item, Answer> {
  readonly item: Item;
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

/** Brings together two at a time of what comes one by one, for those who do two in little more time than one. */
export class Pairs<Item, Answer> {
  readonly #act: (items: readonly Item[]) => Promise<readonly Answer[]>;
  #alone: Waiting<Item, Answer> | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param act is given two or, when no other came in time, one; it answers in their order */
  constructor(act: (items: readonly Item[]) => Promise<readonly Answer[]>) {
    this.#act = act;
  }

  /** @returns what `act` answers for it; when that fails, both of a pair do */
  add(item: Item): Promise<Answer> {
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
      }, WAIT_MS);
    });
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
