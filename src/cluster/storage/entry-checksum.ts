import { crc32 } from 'node:zlib';

/** CRC-32 of an entry's batch and of its place in the log, so that a row cannot pass for another. */
export function entryChecksum(index: number, term: number, kind: number, batch: Uint8Array): number {
  place[0] = index;
  place[1] = term;
  place[2] = kind;
  return crc32(batch, crc32(placeBytes));
}

const place = new Float64Array(3);
const placeBytes = new Uint8Array(place.buffer);
