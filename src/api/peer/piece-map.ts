import type { Download } from '../../peer/swarm/download.ts';
import { MAX_AVAILABILITY, PIECE_ACTIVE, PIECE_HERE, type PieceRun } from './peer-schemas.ts';

/** Runs with so few unchanged pieces between them are told as one: a run of its own takes as many characters. */
const LEAST_GAP = 8;

/** What a map is made of; a `Download` is one. */
export interface MappedPieces {
  readonly have: Pick<Download['have'], 'has'>;
  readonly picker: {
    readonly availability: Pick<Download['picker']['availability'], 'of'>;
    active(piece: number): unknown;
  };
}

/** How it is with each piece at this moment, a byte each, into `map`. */
export function mapPieces({ have, picker }: MappedPieces, map: Uint8Array): void {
  for (let piece = 0; piece < map.length; piece++) {
    if (have.has(piece)) map[piece] = PIECE_HERE;
    else if (picker.active(piece) !== undefined) map[piece] = PIECE_ACTIVE;
    else map[piece] = Math.min(MAX_AVAILABILITY, picker.availability.of(piece));
  }
}

/** What must be told to somebody who knows `before`, for them to know `after`; equally long. */
export function changedRuns(before: Uint8Array, after: Uint8Array): PieceRun[] {
  const runs: PieceRun[] = [];
  let from = -1;
  let end = 0;
  for (let piece = 0; piece < after.length; piece++) {
    if (before[piece] === after[piece]) continue;
    if (from === -1) from = piece;
    else if (piece - end > LEAST_GAP) {
      runs.push(run(after, from, end));
      from = piece;
    }
    end = piece + 1;
  }
  if (from !== -1) runs.push(run(after, from, end));
  return runs;
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function run(map: Uint8Array, from: number, end: number): PieceRun {
  return [from, base64(map.subarray(from, end))];
}
