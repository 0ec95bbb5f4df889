export class BitfieldError extends Error {
  readonly code = 'INVALID_BITFIELD';
  override readonly name = 'BitfieldError';
}

/** A set of pieces as the wire has it (BEP 3): the highest bit of the first byte is piece 0, spare bits are zero. */
export class Bitfield {
  /** How many pieces there are at all. */
  readonly size: number;
  readonly #bytes: Uint8Array;
  #count = 0;

  constructor(size: number) {
    this.size = size;
    this.#bytes = new Uint8Array(bitfieldBytes(size));
  }

  /**
   * Copies what a peer sent.
   * @throws {BitfieldError} it is not that of `size` pieces
   */
  static fromWire(bytes: Uint8Array, size: number): Bitfield {
    const field = new Bitfield(size);
    if (bytes.length !== field.#bytes.length) {
      throw new BitfieldError(`a bitfield of ${bytes.length} bytes; ${size} pieces have ${field.#bytes.length}`);
    }
    const spare = bytes.length * 8 - size;
    if (spare > 0 && (bytes[bytes.length - 1] & ((1 << spare) - 1)) !== 0) {
      throw new BitfieldError(`a bitfield has pieces beyond the last of ${size}`);
    }
    field.#bytes.set(bytes);
    for (const byte of bytes) field.#count += ONES[byte];
    return field;
  }

  static full(size: number): Bitfield {
    const field = new Bitfield(size);
    field.addAll();
    return field;
  }

  /** Pieces in the set. */
  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count === this.size;
  }

  /** The set as the wire has it; a view that follows changes. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  has(piece: number): boolean {
    return (this.#bytes[piece >>> 3] & (0x80 >>> (piece & 7))) !== 0;
  }

  /** @returns whether it is new; `piece` is below `size` */
  add(piece: number): boolean {
    if (this.has(piece)) return false;
    this.#bytes[piece >>> 3] |= 0x80 >>> (piece & 7);
    this.#count++;
    return true;
  }

  /** @returns whether it was there */
  remove(piece: number): boolean {
    if (!this.has(piece)) return false;
    this.#bytes[piece >>> 3] &= ~(0x80 >>> (piece & 7));
    this.#count--;
    return true;
  }

  addAll(): void {
    this.#bytes.fill(0xff);
    const spare = this.#bytes.length * 8 - this.size;
    if (spare > 0) this.#bytes[this.#bytes.length - 1] = (0xff << spare) & 0xff;
    this.#count = this.size;
  }

  /** The pieces, ascending. */
  *[Symbol.iterator](): IterableIterator<number> {
    for (let at = 0; at < this.#bytes.length; at++) {
      for (let byte = this.#bytes[at]; byte !== 0; ) {
        const bit = Math.clz32(byte) - 24;
        yield at * 8 + bit;
        byte &= ~(0x80 >>> bit);
      }
    }
  }
}

/** Bytes of the set of so many pieces. */
export function bitfieldBytes(size: number): number {
  return Math.ceil(size / 8);
}

const ONES = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);
