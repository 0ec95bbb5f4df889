import type { Bitfield } from './bitfield.ts';

/** Draws a number from 0 to below 1. */
export type Random = () => number;

export const NO_PIECE = -1;

/**
 * How many peers have each piece, and the rarest among those that are open: wanted, and nobody works on them.
 *
 * Open pieces lie in buckets by the number of peers that have them, in random order within each, so that every change
 * is a swap or two. Peers that have all are counted once for all pieces: they change no order.
 */
export class Availability {
  readonly #random: Random;
  /** Peers that have the piece, those that have all left out. */
  readonly #peers: Uint32Array;
  /** The piece's place in its bucket; NO_PIECE when it is not open. */
  readonly #place: Int32Array;
  /** By number of peers. */
  readonly #buckets: number[][] = [[]];
  #open = 0;
  #peersWithAll = 0;

  constructor(pieceCount: number, random: Random) {
    this.#random = random;
    this.#peers = new Uint32Array(pieceCount);
    this.#place = new Int32Array(pieceCount).fill(NO_PIECE);
  }

  /** How many pieces are open. */
  get openCount(): number {
    return this.#open;
  }

  /** How many peers have the piece. */
  of(piece: number): number {
    return this.#peers[piece] + this.#peersWithAll;
  }

  isOpen(piece: number): boolean {
    return this.#place[piece] !== NO_PIECE;
  }

  open(piece: number): void {
    if (this.isOpen(piece)) return;
    this.#enter(piece);
    this.#open++;
  }

  close(piece: number): void {
    if (!this.isOpen(piece)) return;
    this.#leave(piece);
    this.#open--;
  }

  /** A peer got the piece. */
  add(piece: number): void {
    this.#change(piece, 1);
  }

  /** A peer that had the piece has it no more, or is gone. */
  remove(piece: number): void {
    this.#change(piece, -1);
  }

  /** A peer that has all. */
  addComplete(): void {
    this.#peersWithAll++;
  }

  removeComplete(): void {
    this.#peersWithAll--;
  }

  /** The rarest open piece among `has`; NO_PIECE when there is none. */
  rarest(has: Bitfield): number {
    for (const bucket of this.#buckets) {
      for (const piece of bucket) if (has.has(piece)) return piece;
    }
    return NO_PIECE;
  }

  #change(piece: number, by: 1 | -1): void {
    const open = this.isOpen(piece);
    if (open) this.#leave(piece);
    this.#peers[piece] += by;
    if (open) this.#enter(piece);
  }

  /** To a random place, so that peers who see the same availability begin with different pieces. */
  #enter(piece: number): void {
    const peers = this.#peers[piece];
    while (this.#buckets.length <= peers) this.#buckets.push([]);
    const bucket = this.#buckets[peers];
    const place = Math.floor(this.#random() * (bucket.length + 1));
    bucket.push(piece);
    this.#put(bucket, bucket.length - 1, bucket[place]);
    this.#put(bucket, place, piece);
  }

  #leave(piece: number): void {
    const bucket = this.#buckets[this.#peers[piece]];
    const last = bucket.pop() as number;
    const place = this.#place[piece];
    if (last !== piece) this.#put(bucket, place, last);
    this.#place[piece] = NO_PIECE;
  }

  #put(bucket: number[], place: number, piece: number): void {
    bucket[place] = piece;
    this.#place[piece] = place;
  }
}
