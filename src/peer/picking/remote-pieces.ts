import { Bitfield } from './bitfield.ts';
import type { PiecePicker } from './piece-picker.ts';

/**
 * What one connected peer has, counted into the availability as long as it is connected, and how much of it is needed:
 * we are interested as long as that is anything.
 */
export class RemotePieces {
  readonly bits: Bitfield;
  readonly #picker: PiecePicker;
  /** Pieces that it has and that are needed here. */
  #needed = 0;
  /** It came as a peer with all pieces, and is counted as one. */
  #complete = false;

  constructor(pieceCount: number, picker: PiecePicker) {
    this.bits = new Bitfield(pieceCount);
    this.#picker = picker;
  }

  get isInteresting(): boolean {
    return this.#needed > 0;
  }

  /** Its first word: BITFIELD, HAVE ALL or HAVE NONE. */
  set(bits: Bitfield): void {
    this.clear();
    if (bits.isFull) {
      this.bits.addAll();
      this.#complete = true;
      this.#picker.availability.addComplete();
    } else {
      for (const piece of bits) this.bits.add(piece);
      for (const piece of bits) this.#picker.availability.add(piece);
    }
    this.recount();
  }

  /** HAVE. @returns whether it is new */
  add(piece: number): boolean {
    if (!this.bits.add(piece)) return false;
    this.#picker.availability.add(piece);
    if (this.#picker.needs(piece)) this.#needed++;
    return true;
  }

  /** BEP 54: it has the piece no more. */
  remove(piece: number): void {
    if (!this.bits.has(piece)) return;
    if (this.#complete) {
      this.#complete = false;
      this.#picker.availability.removeComplete();
      for (const other of this.bits) this.#picker.availability.add(other);
    }
    this.bits.remove(piece);
    this.#picker.availability.remove(piece);
    if (this.#picker.needs(piece)) this.#needed--;
  }

  /** It is gone. */
  clear(): void {
    if (this.#complete) this.#picker.availability.removeComplete();
    else for (const piece of this.bits) this.#picker.availability.remove(piece);
    for (const piece of this.bits) this.bits.remove(piece);
    this.#complete = false;
    this.#needed = 0;
  }

  /** We got the piece, and needed it before. */
  gotHere(piece: number): void {
    if (this.bits.has(piece)) this.#needed--;
  }

  /** After pieces became wanted, unwanted or lost here. */
  recount(): void {
    this.#needed = 0;
    for (const piece of this.bits) if (this.#picker.needs(piece)) this.#needed++;
  }
}
