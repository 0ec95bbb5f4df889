import { formatInfoHash, INFO_HASH_BYTES } from '../../bittorrent/info-hash.ts';
import type { ContentsOrder, ContentsSort } from '../tracker.ts';
import { formatCursor, parseCursor } from './cursor.ts';
import { FirstRows } from './first-rows.ts';

/** More contents than these are not searched and sorted: the index would take more than a gigabyte. */
export const MAX_CONTENTS = 8_000_000;
/** Shorter beginnings of a sha1 would find too much that was meant as part of a name. */
export const MIN_SHA1_PREFIX = 4;

/** A content as it is put into the index. */
export interface IndexedContent {
  readonly sha1: string;
  /** Null or empty: nobody named it. */
  readonly name: string | null;
  /** Negative or null: nobody told it. */
  readonly size: number | null;
  readonly seeders: number;
  readonly leechers: number;
  readonly completed: number;
}

export interface IndexQuery {
  /** Part of the name, whatever the case, or the beginning of the sha1 (MIN_SHA1_PREFIX digits or more). */
  readonly search: string;
  readonly sort: ContentsSort;
  readonly order: ContentsOrder;
  /** `next` of the page before. */
  readonly after: string | undefined;
  readonly limit: number;
}

export interface IndexPage {
  readonly sha1s: readonly string[];
  readonly next: string | null;
  /** How many match in all. */
  readonly total: number;
}

/** More contents than MAX_CONTENTS. */
export class TooManyContentsError extends Error {
  override readonly name = 'TooManyContentsError';
  readonly code = 'TOO_MANY_CONTENTS';
  constructor() {
    super(`there are more than ${MAX_CONTENTS} contents, too many to search and sort; list them in the order of their sha1`);
  }
}

/**
 * All contents in memory, to be searched and sorted: columns of numbers, and the names one behind the other. A query is one pass
 * over the columns that keeps the first rows of the page, and a search one pass over the names: tens of milliseconds for a
 * million contents. Nothing is kept sorted, so it is quickly made.
 *
 * Rows stand in the order of their sha1, which also decides between equal ones.
 */
export class ContentsIndex {
  #rows = 0;
  #capacity = 0;
  #hashes = new Uint8Array(0);
  #sizes = new Float64Array(0);
  #seeders = new Uint32Array(0);
  #leechers = new Uint32Array(0);
  #completed = new Uint32Array(0);
  /** The names folded, each with SEPARATOR behind it; row `r` begins at `nameAt[r]`. */
  #names: Buffer = Buffer.alloc(0);
  #nameAt = new Uint32Array(1);
  /** The first bytes of a name as a number in the same order; most comparisons need no more. */
  #nameKeys = new Float64Array(0);

  get rows(): number {
    return this.#rows;
  }

  /**
   * Adds a content behind those that are there.
   * @throws {TooManyContentsError}
   */
  add({ sha1, name, size, seeders, leechers, completed }: IndexedContent): void {
    const row = this.#rows;
    if (row === MAX_CONTENTS) throw new TooManyContentsError();
    if (row === this.#capacity) this.#grow();
    Buffer.from(this.#hashes.buffer).write(sha1, row * INFO_HASH_BYTES, 'hex');
    this.#sizes[row] = size === null || size < 0 ? Number.NaN : size;
    this.#seeders[row] = seeders;
    this.#leechers[row] = leechers;
    this.#completed[row] = completed;
    const at = this.#nameAt[row];
    const end = at + this.#writeName(at, name ?? '');
    this.#names[end] = SEPARATOR;
    this.#nameAt[row + 1] = end + 1;
    this.#nameKeys[row] = end === at ? Number.NaN : nameKey(this.#names, at, end);
    this.#rows++;
  }

  /** @throws {CursorError} `after` is no cursor of this order */
  query({ search, sort, order, after, limit }: IndexQuery): IndexPage {
    const matches = search === '' ? undefined : this.#search(search);
    const total = matches?.length ?? this.#rows;
    const comesFirst = this.#comparison(sort, order);
    const last = after === undefined ? undefined : this.#rowOfCursor(after, sort);
    // One more than asked for tells whether there is a next page.
    const first = new FirstRows(limit + 1, comesFirst);
    for (let i = 0; i < total; i++) {
      const row = matches === undefined ? i : matches[i];
      if (last === undefined || comesFirst(last, row)) first.offer(row);
    }
    const rows = first.sorted();
    const page = rows.slice(0, limit);
    if (last !== undefined) this.#dropCursorRow();
    return {
      sha1s: page.map((row) => this.#sha1(row)),
      next: rows.length > limit ? this.#cursor(page[page.length - 1], sort) : null,
      total,
    };
  }
}
