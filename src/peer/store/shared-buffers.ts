/**
 * Memory of one length that threads share, used over and over. It grows to `max` buffers; then `take` gives none until one
 * is given back.
 */
export class SharedBuffers {
  readonly bytes: number;
  readonly #max: number;
  readonly #free: Uint8Array[] = [];
  #made = 0;

  constructor(bytes: number, max: number) {
    this.bytes = bytes;
    this.#max = max;
  }

  /** Buffers that are in use. */
  get taken(): number {
    return this.#made - this.#free.length;
  }

  take(): Uint8Array | undefined {
    const free = this.#free.pop();
    if (free || this.#made >= this.#max) return free;
    this.#made++;
    return new Uint8Array(new SharedArrayBuffer(this.bytes));
  }

  /** A buffer that `take` gave, once. */
  giveBack(buffer: Uint8Array): void {
    this.#free.push(buffer);
  }
}
