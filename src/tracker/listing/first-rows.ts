/**
 * The first rows of many, in an order: what is offered and does not belong to them is forgotten at once. A heap whose top is the
 * last of those that are kept.
 */
export class FirstRows {
  readonly #limit: number;
  readonly #comesFirst: (a: number, b: number) => boolean;
  readonly #heap: number[] = [];

  /** @param comesFirst whether row `a` comes before row `b`, which is another one */
  constructor(limit: number, comesFirst: (a: number, b: number) => boolean) {
    this.#limit = limit;
    this.#comesFirst = comesFirst;
  }

  offer(row: number): void {
    const heap = this.#heap;
    if (heap.length < this.#limit) {
      heap.push(row);
      this.#rise(heap.length - 1);
    } else if (this.#comesFirst(row, heap[0])) {
      heap[0] = row;
      this.#sink();
    }
  }

  /** Those that are kept, the first one first. */
  sorted(): number[] {
    return this.#heap.toSorted((a, b) => (this.#comesFirst(a, b) ? -1 : 1));
  }

  #rise(at: number): void {
    const heap = this.#heap;
    const row = heap[at];
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#comesFirst(row, heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = row;
  }

  #sink(): void {
    const heap = this.#heap;
    const row = heap[0];
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#comesFirst(heap[child], heap[child + 1])) child++;
      if (this.#comesFirst(heap[child], row)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = row;
  }
}
