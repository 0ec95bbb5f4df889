// A piece map as the page keeps it: a byte for each piece, and what they add up to. Pure, so that it can be tested.

import type { PieceMapView, PieceRun } from '../../../../src/api/peer/peer-schemas.ts';

/** As in src/api/peer/peer-schemas.ts, which is not bundled. */
export const PIECE_HERE = 255;
export const PIECE_ACTIVE = 254;

export interface PieceSummary {
  readonly total: number;
  readonly here: number;
  readonly active: number;
  readonly missing: number;
  /** Missing pieces that no connected peer has. */
  readonly unavailable: number;
  /** How many peers have the rarest missing piece; undefined when none is missing. */
  readonly rarest: number | undefined;
}

export class PieceMap {
  readonly pieceLength: number;
  /** A byte for each piece. */
  readonly pieces: Uint8Array;
  /** How often each byte occurs. */
  readonly #counts = new Uint32Array(256);

  constructor({ pieceLength, pieceCount, map }: PieceMapView) {
    this.pieceLength = pieceLength;
    this.pieces = new Uint8Array(pieceCount);
    this.#counts[0] = pieceCount;
    this.apply([[0, map]]);
  }

  /** Takes in what changed. */
  apply(runs: readonly PieceRun[]): void {
    for (const [from, base64] of runs) {
      const bytes = atob(base64);
      const end = Math.min(bytes.length, this.pieces.length - from);
      for (let i = 0; i < end; i++) {
        const value = bytes.charCodeAt(i);
        this.#counts[this.pieces[from + i]]--;
        this.#counts[value]++;
        this.pieces[from + i] = value;
      }
    }
  }

  summary(): PieceSummary {
    const total = this.pieces.length;
    const here = this.#counts[PIECE_HERE];
    const active = this.#counts[PIECE_ACTIVE];
    const rarest = this.#counts.findIndex((count, value) => count > 0 && value < PIECE_ACTIVE);
    return {
      total,
      here,
      active,
      missing: total - here - active,
      unavailable: this.#counts[0],
      rarest: rarest === -1 ? undefined : rarest,
    };
  }
}
