/**
 * Buddy allocation of regions of 2^order units in one arena: each swarm's peers stand together in one region. A
 * region that is given back joins its free neighbour, so what many small regions leave behind serves as large ones
 * when the swarms grow.
 *
 * It only counts; the arrays that it divides are elsewhere.
 */
export class RegionAllocator {
  readonly #units: number;
  /** First free region of each order, or NONE. */
  readonly #first = new Int32Array(ORDERS).fill(NONE);
  /** Links of the lists of free regions, by the granule that a region starts at. */
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** Order + 1 where a free region starts, otherwise 0. */
  readonly #freeOrder: Uint8Array;
  /** Units below were handed out at least once. */
  #end = 0;

  /** @param units size of the arena, a multiple of the smallest region */
  constructor(units: number) {
    this.#units = units;
    const granules = units >> SMALLEST_ORDER;
    this.#next = new Int32Array(granules);
    this.#previous = new Int32Array(granules);
    this.#freeOrder = new Uint8Array(granules);
  }

  /** The order of the smallest region that holds `units`. */
  static orderFor(units: number): number {
    return units <= 1 << SMALLEST_ORDER ? SMALLEST_ORDER : 32 - Math.clz32(units - 1);
  }

  /** First unit of a region of 2^order units, or -1 when there is no room. */
  allocate(order: number): number {
    let found = order;
    while (found < ORDERS && this.#first[found] === NONE) found++;
    if (found < ORDERS) {
      const granule = this.#first[found];
      this.#unlink(granule, found);
      const start = granule << SMALLEST_ORDER;
      while (found > order) {
        found--;
        this.#link((start + 2 ** found) >> SMALLEST_ORDER, found);
      }
      return start;
    }
    const size = 2 ** order;
    const start = Math.ceil(this.#end / size) * size;
    if (start + size > this.#units) return -1;
    // Regions start at multiples of their size: what is skipped for that stays usable for smaller ones.
    while (this.#end < start) {
      const aligned = 31 - Math.clz32(this.#end & -this.#end);
      this.free(this.#end, aligned);
      this.#end += 2 ** aligned;
    }
    this.#end = start + size;
    return start;
  }

  free(start: number, order: number): void {
    let granule = start >> SMALLEST_ORDER;
    let joined = order;
    while (joined < ORDERS - 1) {
      const buddy = granule ^ (1 << (joined - SMALLEST_ORDER));
      if (this.#freeOrder[buddy] !== joined + 1) break;
      this.#unlink(buddy, joined);
      granule = Math.min(granule, buddy);
      joined++;
    }
    this.#link(granule, joined);
  }

  /** Takes all regions back. */
  clear(): void {
    this.#first.fill(NONE);
    this.#freeOrder.fill(0, 0, this.#end >> SMALLEST_ORDER);
    this.#end = 0;
  }

  #link(granule: number, order: number): void {
    const next = this.#first[order];
    this.#next[granule] = next;
    this.#previous[granule] = NONE;
    if (next !== NONE) this.#previous[next] = granule;
    this.#first[order] = granule;
    this.#freeOrder[granule] = order + 1;
  }

  #unlink(granule: number, order: number): void {
    const next = this.#next[granule];
    const previous = this.#previous[granule];
    if (previous === NONE) this.#first[order] = next;
    else this.#next[previous] = next;
    if (next !== NONE) this.#previous[next] = previous;
    this.#freeOrder[granule] = 0;
  }
}

/** The smallest region holds four units. */
export const SMALLEST_ORDER = 2;
const ORDERS = 31;
const NONE = -1;
