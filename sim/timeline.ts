interface Planned {
  readonly at: number;
  /** Ties are kept in the order of planning. */
  readonly order: number;
  readonly run: () => void;
}

/** Virtual time: what is planned happens in order, and nothing takes any time in between. A binary heap. */
export class Timeline {
  /** Virtual milliseconds since the start. */
  now = 0;
  private order = 0;
  private readonly heap: Planned[] = [];

  after(ms: number, run: () => void): void {
    const planned = { at: this.now + ms, order: this.order++, run };
    const { heap } = this;
    let at = heap.length;
    heap.push(planned);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (before(heap[parent], planned)) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = planned;
  }

  /** Runs what is planned until `end`, or until `stop` says so. */
  runUntil(end: number, stop: () => boolean = () => false): void {
    while (this.heap.length > 0 && this.heap[0].at <= end) {
      const { at, run } = this.take();
      this.now = at;
      run();
      if (stop()) return;
    }
    this.now = end;
  }

  private take(): Planned {
    const { heap } = this;
    const first = heap[0];
    const moved = heap.pop() as Planned;
    const { length } = heap;
    if (length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && before(heap[child + 1], heap[child])) child++;
      if (before(moved, heap[child])) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = moved;
    return first;
  }
}

function before(a: Planned, b: Planned): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
