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
    super(
      `there are more than ${MAX_CONTENTS} contents, too many to search and sort; list them in the order of their sha1`,
    );
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
    const ordering = this.#ordering(sort, order);
    const position = after === undefined ? undefined : this.#position(after, ordering);
    // One more than asked for tells whether there is a next page.
    const first = new FirstRows(limit + 1, (a, b) => this.#comesFirst(ordering, a, b));
    for (let i = 0; i < total; i++) {
      const row = matches === undefined ? i : matches[i];
      if (position === undefined || this.#isBehind(ordering, row, position)) first.offer(row);
    }
    const rows = first.sorted();
    const page = rows.slice(0, limit);
    return {
      sha1s: page.map((row) => this.#sha1(row)),
      next: rows.length > limit ? this.#cursor(page[page.length - 1], sort) : null,
      total,
    };
  }

  #ordering(sort: ContentsSort, order: ContentsOrder): Ordering {
    const direction = order === 'desc' ? -1 : 1;
    // What has no name or size is NaN there; it comes last whatever the direction.
    const keyOf = (column: ArrayLike<number>) => (row: number) => {
      const key = direction * column[row];
      return Number.isNaN(key) ? Number.POSITIVE_INFINITY : key;
    };
    switch (sort) {
      case 'sha1':
        return { sort, direction, key: (row) => direction * row };
      case 'name':
        return { sort, direction, key: keyOf(this.#nameKeys) };
      case 'size':
        return { sort, direction, key: keyOf(this.#sizes) };
      case 'seeders':
        return { sort, direction, key: keyOf(this.#seeders) };
      case 'leechers':
        return { sort, direction, key: keyOf(this.#leechers) };
      case 'completed':
        return { sort, direction, key: keyOf(this.#completed) };
    }
  }

  #comesFirst({ sort, direction, key }: Ordering, a: number, b: number): boolean {
    const keyA = key(a);
    const keyB = key(b);
    if (keyA !== keyB) return keyA < keyB;
    if (sort === 'name') {
      const names = this.#names;
      const compared = names.compare(names, this.#nameAt[b], this.#nameEnd(b), this.#nameAt[a], this.#nameEnd(a));
      if (compared !== 0) return direction * compared < 0;
    }
    return a < b;
  }

  #isBehind({ sort, direction, key }: Ordering, row: number, position: Position): boolean {
    const keyOfRow = key(row);
    if (keyOfRow !== position.key) return keyOfRow > position.key;
    if (sort === 'name') {
      const compared = this.#names.compare(
        position.name,
        0,
        position.name.length,
        this.#nameAt[row],
        this.#nameEnd(row),
      );
      if (compared !== 0) return direction * compared > 0;
    }
    return row >= position.row;
  }

  /** The content of the cursor may have gone or changed since: what counts is where it stood. */
  #position(cursor: string, { sort, direction }: Ordering): Position {
    const { sha1, value } = parseCursor(cursor, sort);
    const row = this.#lowerBound(sha1);
    const isThere = row < this.#rows && this.#sha1(row) === sha1;
    const behind = isThere ? row + 1 : row;
    if (sort === 'sha1') return { key: direction * (isThere ? row : row - 0.5), name: NO_NAME, row: behind };
    if (value === undefined) return { key: Number.POSITIVE_INFINITY, name: NO_NAME, row: behind };
    if (typeof value === 'number') return { key: direction * value, name: NO_NAME, row: behind };
    return { key: direction * nameKey(value, 0, value.length), name: value, row: behind };
  }

  #cursor(row: number, sort: ContentsSort): string {
    const sha1 = this.#sha1(row);
    const number = (value: number) => formatCursor(sha1, Number.isNaN(value) ? undefined : value);
    switch (sort) {
      case 'sha1':
        return formatCursor(sha1, undefined);
      case 'name': {
        const name = this.#names.subarray(this.#nameAt[row], this.#nameEnd(row));
        return formatCursor(sha1, name.length === 0 ? undefined : name);
      }
      case 'size':
        return number(this.#sizes[row]);
      case 'seeders':
        return number(this.#seeders[row]);
      case 'leechers':
        return number(this.#leechers[row]);
      case 'completed':
        return number(this.#completed[row]);
    }
  }

  /** The rows that match, in their order. */
  #search(search: string): Uint32Array {
    const needle = Buffer.from(folded(search));
    const rows = new GrowingRows();
    const names = this.#names.subarray(0, this.#nameAt[this.#rows]);
    let [prefixed, prefixedEnd] = this.#rowsWithPrefix(search);
    for (let row = 0; ; row++) {
      const at = needle.length === 0 ? -1 : names.indexOf(needle, this.#nameAt[row]);
      row = at === -1 ? this.#rows : this.#rowAt(at, row);
      while (prefixed < Math.min(row, prefixedEnd)) rows.push(prefixed++);
      if (row === this.#rows) return rows.taken();
      rows.push(row);
      if (prefixed === row) prefixed++;
    }
  }

  /** Those whose sha1 begins so: from, to. */
  #rowsWithPrefix(search: string): [number, number] {
    const prefix = search.trim().toLowerCase();
    if (!/^[0-9a-f]*$/.test(prefix) || prefix.length < MIN_SHA1_PREFIX || prefix.length > SHA1_DIGITS) return [0, 0];
    const last = this.#lowerBound(prefix.padEnd(SHA1_DIGITS, 'f'));
    const isThere = last < this.#rows && this.#sha1(last).startsWith(prefix);
    return [this.#lowerBound(prefix.padEnd(SHA1_DIGITS, '0')), isThere ? last + 1 : last];
  }

  /** The row whose name has the byte at `at`, which is behind the beginning of row `from`. */
  #rowAt(at: number, from: number): number {
    let low = from;
    let high = this.#rows;
    // What matches often is found a few rows on.
    for (let step = 1; low + step < high; step *= 2) {
      if (this.#nameAt[low + step] > at) high = low + step;
      else low += step;
    }
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.#nameAt[middle] <= at) low = middle;
      else high = middle;
    }
    return low;
  }

  /** The first row whose sha1 is this one or a later one. */
  #lowerBound(sha1: string): number {
    const hash = Buffer.from(sha1, 'hex');
    const hashes = Buffer.from(this.#hashes.buffer);
    let low = 0;
    let high = this.#rows;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = middle * INFO_HASH_BYTES;
      if (hashes.compare(hash, 0, INFO_HASH_BYTES, at, at + INFO_HASH_BYTES) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #sha1(row: number): string {
    return formatInfoHash(this.#hashes.subarray(row * INFO_HASH_BYTES, (row + 1) * INFO_HASH_BYTES));
  }

  #nameEnd(row: number): number {
    return this.#nameAt[row + 1] - 1;
  }

  /** @returns its bytes */
  #writeName(at: number, name: string): number {
    const text = folded(name);
    // As many bytes as UTF-8 can take, and the separator.
    const most = at + 3 * text.length + 1;
    if (most > this.#names.length) {
      const longer = Buffer.alloc(Math.max(most, 2 * this.#names.length));
      this.#names.copy(longer);
      this.#names = longer;
    }
    return this.#names.write(text, at);
  }

  #grow(): void {
    const capacity = Math.max(LEAST_CAPACITY, 2 * this.#capacity);
    this.#hashes = grown(Uint8Array, this.#hashes, capacity * INFO_HASH_BYTES);
    this.#sizes = grown(Float64Array, this.#sizes, capacity);
    this.#seeders = grown(Uint32Array, this.#seeders, capacity);
    this.#leechers = grown(Uint32Array, this.#leechers, capacity);
    this.#completed = grown(Uint32Array, this.#completed, capacity);
    this.#nameAt = grown(Uint32Array, this.#nameAt, capacity + 1);
    this.#nameKeys = grown(Float64Array, this.#nameKeys, capacity);
    this.#capacity = capacity;
  }
}

interface Ordering {
  readonly sort: ContentsSort;
  readonly direction: 1 | -1;
  /** Rows come in the order of their keys. */
  readonly key: (row: number) => number;
}

/** A place between the rows. */
interface Position {
  readonly key: number;
  readonly name: Uint8Array;
  /** Of equal ones, those from this row on are behind it. */
  readonly row: number;
}

/** Row numbers, as many as there come to be. */
class GrowingRows {
  #rows = new Uint32Array(LEAST_CAPACITY);
  #length = 0;

  push(row: number): void {
    if (this.#length === this.#rows.length) this.#rows = grown(Uint32Array, this.#rows, 2 * this.#length);
    this.#rows[this.#length++] = row;
  }

  taken(): Uint32Array {
    return this.#rows.subarray(0, this.#length);
  }
}

const LEAST_CAPACITY = 1_024;
const SHA1_DIGITS = 2 * INFO_HASH_BYTES;
const SEPARATOR = 0x0a;
const NO_NAME = new Uint8Array(0);
/** As many bytes as fit into a number exactly. */
const KEY_BYTES = 6;

/** Names that differ in the case, or in how a letter with its accent is written, are equal; the separator is in none of them. */
function folded(name: string): string {
  return name.normalize('NFC').toLowerCase().replaceAll('\n', ' ');
}

function nameKey(names: Uint8Array, at: number, end: number): number {
  let key = 0;
  for (let i = 0; i < KEY_BYTES; i++) key = key * 256 + (at + i < end ? names[at + i] : 0);
  return key;
}

function grown<T extends Uint8Array | Uint32Array | Float64Array>(
  type: new (length: number) => T,
  array: T,
  length: number,
): T {
  const longer = new type(length);
  longer.set(array);
  return longer;
}
