import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { entryChecksum } from './entry-checksum.ts';
import type { LogEntry } from './log-entry.ts';
import { corruption } from './sqlite-file.ts';

/** Consecutive entries in a few pieces of memory, cheap to hand to another thread however many they are. */
export interface PackedEntries {
  /** Index of the first one. */
  readonly first: number;
  /** One number for each entry; `ends` says where its batch ends in `bytes`, and the next one begins. */
  readonly terms: Float64Array<ArrayBuffer>;
  readonly kinds: Uint8Array<ArrayBuffer>;
  readonly ends: Float64Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Calls `take` with each entry again; the batches are views of `bytes`. */
export function unpack({ first, terms, kinds, ends, bytes }: PackedEntries, take: (entry: LogEntry) => void): void {
  let from = 0;
  for (let i = 0; i < terms.length; i++) {
    take({ index: first + i, term: terms[i], kind: kinds[i], batch: bytes.subarray(from, ends[i]) });
    from = ends[i];
  }
}

/** The buffers behind it, for a transfer. */
export function buffersOf({ terms, kinds, ends, bytes }: PackedEntries): ArrayBuffer[] {
  return [terms.buffer, kinds.buffer, ends.buffer, bytes.buffer];
}

/**
 * Reads many rows at a time. A row of its own costs about three microseconds, which a log of hundreds of thousands of small
 * entries makes a second of; so SQLite puts them together: their numbers as lists, their batches end to end.
 */
export class PackedReader {
  readonly #rows: StatementSync;
  readonly #bytes: StatementSync;

  constructor(db: DatabaseSync) {
    this.#rows = db.prepare(
      `SELECT min(idx) AS first, max(idx) AS last, group_concat(term) AS terms, group_concat(kind) AS kinds,
         group_concat(crc) AS checksums, group_concat(length(batch)) AS lengths
       FROM (SELECT * FROM ENTRY WHERE idx >= ? ORDER BY idx LIMIT ${MAX_PACKED_ENTRIES})`,
    );
    // Text only by name: the casts change no byte, and nothing looks at what the bytes mean.
    this.#bytes = db.prepare(
      `SELECT CAST(group_concat(CAST(batch AS TEXT), '') AS BLOB) AS bytes
       FROM (SELECT batch FROM ENTRY WHERE idx BETWEEN ? AND ? ORDER BY idx)`,
    );
  }

  /**
   * The entries from `from` on, in pieces of as many as fit into `maxBytes`, but at least one.
   * @throws an error of SQLite, or one that says what is damaged
   */
  *read(from: number, maxBytes: number): Generator<PackedEntries, void> {
    let next = from;
    for (;;) {
      const rows = this.#rows.get(next) as unknown as Rows;
      if (rows.first === null) return;
      const numbers = {
        terms: numbersOf(rows.terms),
        kinds: numbersOf(rows.kinds),
        checksums: numbersOf(rows.checksums),
        lengths: numbersOf(rows.lengths),
      };
      const count = numbers.lengths.length;
      if (rows.first !== next || rows.last !== next + count - 1) throw corruption(`entries behind ${next} are missing`);
      for (let at = 0; at < count; ) {
        const start = at;
        let total = 0;
        while (at < count && (at === start || total + numbers.lengths[at] <= maxBytes)) total += numbers.lengths[at++];
        yield this.#pack(next + start, numbers, start, at);
      }
      next += count;
    }
  }

  #pack(first: number, numbers: Numbers, start: number, stop: number): PackedEntries {
    const { bytes } = this.#bytes.get(first, first + stop - start - 1) as { bytes: Uint8Array<ArrayBuffer> };
    const terms = Float64Array.from(numbers.terms.slice(start, stop));
    const kinds = Uint8Array.from(numbers.kinds.slice(start, stop));
    const ends = new Float64Array(stop - start);
    let from = 0;
    for (let i = 0; i < ends.length; i++) {
      ends[i] = from + numbers.lengths[start + i];
      const checksum = entryChecksum(first + i, terms[i], kinds[i], bytes.subarray(from, ends[i]));
      if (checksum !== numbers.checksums[start + i]) {
        throw corruption(`entry ${first + i} is damaged: its checksum differs`);
      }
      from = ends[i];
    }
    return { first, terms, kinds, ends, bytes };
  }
}

/** Rows read at once. */
const MAX_PACKED_ENTRIES = 4_096;

/** Lists of numbers with commas; all null where there is no row. */
interface Rows {
  readonly first: number | null;
  readonly last: number;
  readonly terms: string;
  readonly kinds: string;
  readonly checksums: string;
  readonly lengths: string;
}

type Numbers = Record<'terms' | 'kinds' | 'checksums' | 'lengths', number[]>;

function numbersOf(list: string): number[] {
  try {
    return JSON.parse(`[${list}]`);
  } catch {
    throw corruption('the numbers of an entry are damaged');
  }
}
