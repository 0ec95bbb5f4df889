/** How far the log was applied to memory, and who waits for more. */
export class AppliedIndex {
  #value: bigint;
  #waiting: { readonly index: bigint; readonly resolve: () => void }[] = [];

  constructor(value: bigint) {
    this.#value = value;
  }

  get value(): bigint {
    return this.#value;
  }

  advance(index: bigint): void {
    this.#value = index;
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter((each) => each.index > index);
    for (const each of waiting) if (each.index <= index) each.resolve();
  }

  /** Waits until memory shows the entry. */
  reached(index: bigint): Promise<void> {
    if (this.#value >= index) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ index, resolve }));
  }
}
