// Bencoding (BEP 3), strict in both directions: every value has exactly one encoding, so decoding and encoding undo
// each other byte by byte. Whatever deviates is an error with its offset, never a guess: leading zeros, -0, keys out of
// order or twice, bytes behind the end. Of what others write, the order of keys may be left open (`anyOrder`): what it
// says is clear all the same, and many torrents and trackers are such.
//
// Strings are bytes and come as views of the input. Dictionary keys are byte strings, one character a byte: such text
// sorts as its bytes do, holds an info-hash as well as a word, and equals the literal for the ASCII keys of the BEPs.

export const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;
export const DEFAULT_MAX_DEPTH = 100;
/** Two bytes of input can make one empty dictionary; this bounds what an input costs in memory. */
export const DEFAULT_MAX_VALUES = 2_000_000;
export const MAX_INTEGER_DIGITS = 256;
export const MAX_KEY_BYTES = 1024;

/** An integer is a number when it is safe, a bigint otherwise. */
export type BencodeValue = number | bigint | Uint8Array | BencodeValue[] | BencodeDictionary;

export interface DecodeOptions {
  /** Longest input, in bytes. */
  maxBytes?: number;
  /** Most lists and dictionaries within one another. */
  maxDepth?: number;
  /** Most values, containers included, keys not. */
  maxValues?: number;
  /** Keys may stand in any order, each once. */
  anyOrder?: boolean;
  /** A list whose items are handed over one by one, in order, as they are read, and are not in the value: it may be long. */
  items?: ListItems;
}

/** A list, and who takes its items. What `take` throws ends the decoding. */
export interface ListItems {
  /** The keys that lead to the list from the outermost dictionary on, which only dictionaries lie on. */
  readonly path: readonly string[];
  take(item: BencodeValue): void;
  /**
   * Reads the item at an offset and takes it, if it is one that can be read sooner than by decoding it; it counts as one value.
   * @returns the offset behind it, or undefined: it is to be decoded
   */
  read?(at: number): number | undefined;
}

/** What `encode` takes. Text is written as UTF-8; a key whose value is undefined is left out. */
export type BencodeInput =
  | BencodeValue
  | string
  | readonly BencodeInput[]
  | ReadonlyMap<string, BencodeInput>
  | { readonly [key: string]: BencodeInput | undefined };

export type BencodeErrorCode =
  | 'UNEXPECTED_END'
  | 'UNEXPECTED_BYTE'
  | 'INVALID_INTEGER'
  | 'INVALID_LENGTH'
  | 'INVALID_KEY'
  | 'UNSORTED_KEY'
  | 'DUPLICATE_KEY'
  | 'TRAILING_BYTES'
  | 'NOT_A_DICTIONARY'
  | 'TOO_LARGE'
  | 'TOO_DEEP'
  | 'TOO_MANY_VALUES'
  | 'NOT_ENCODABLE';

export class BencodeError extends Error {
  readonly code: BencodeErrorCode;
  /** Byte of the input where it went wrong; when encoding, how many bytes were written. */
  readonly offset: number;
  override readonly name = 'BencodeError';

  constructor(code: BencodeErrorCode, offset: number, message: string) {
    super(`${message}, at byte ${offset}`);
    this.code = code;
    this.offset = offset;
  }
}

/** A decoded dictionary, unchangeable, with the original bytes of each value. */
export class BencodeDictionary {
  readonly #bytes: Uint8Array;
  /** Strictly ascending; `#values` and the pairs (start, end) in `#spans` stand in the same order. */
  readonly #keys: readonly string[];
  readonly #values: readonly BencodeValue[];
  readonly #spans: readonly number[];

  constructor(bytes: Uint8Array, keys: readonly string[], values: readonly BencodeValue[], spans: readonly number[]) {
    this.#bytes = bytes;
    this.#keys = keys;
    this.#values = values;
    this.#spans = spans;
  }

  get size(): number {
    return this.#keys.length;
  }

  get(key: string): BencodeValue | undefined {
    const index = this.#find(key);
    return index < 0 ? undefined : this.#values[index];
  }

  has(key: string): boolean {
    return this.#find(key) >= 0;
  }

  /** The bytes that the value of `key` was decoded from: the info-hash is taken over `span('info')`. */
  span(key: string): Uint8Array | undefined {
    const index = this.#find(key);
    return index < 0 ? undefined : this.#bytes.subarray(this.#spans[2 * index], this.#spans[2 * index + 1]);
  }

  /** Keys and values in the order of the keys' bytes. */
  *[Symbol.iterator](): IterableIterator<[string, BencodeValue]> {
    for (const [index, key] of this.#keys.entries()) yield [key, this.#values[index]];
  }

  #find(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#keys[middle] < key) low = middle + 1;
      else high = middle;
    }
    return this.#keys[low] === key ? low : -1;
  }
}

/** The one value that `bytes` holds. @throws {BencodeError} */
export function decode(bytes: Uint8Array, options: DecodeOptions = {}): BencodeValue {
  const { value, end } = decodePrefix(bytes, options);
  if (end !== bytes.length) {
    throw new BencodeError('TRAILING_BYTES', end, `${bytes.length - end} bytes follow the value`);
  }
  return value;
}

/** As `decode`, where only a dictionary will do. @throws {BencodeError} */
export function decodeDictionary(bytes: Uint8Array, options: DecodeOptions = {}): BencodeDictionary {
  const value = decode(bytes, options);
  if (value instanceof BencodeDictionary) return value;
  throw new BencodeError('NOT_A_DICTIONARY', 0, 'a dictionary is expected');
}

/**
 * The value that `bytes` starts with, and where it ends; anything may follow, as the piece does in BEP 9.
 * The stack of open containers is an array: no input overflows the call stack.
 * @throws {BencodeError}
 */
export function decodePrefix(bytes: Uint8Array, options: DecodeOptions = {}): { value: BencodeValue; end: number } {
  const { maxBytes = DEFAULT_MAX_BYTES, maxDepth = DEFAULT_MAX_DEPTH, maxValues = DEFAULT_MAX_VALUES } = options;
  const { anyOrder = false, items } = options;
  if (bytes.length > maxBytes) {
    throw new BencodeError('TOO_LARGE', maxBytes, `${bytes.length} bytes; at most ${maxBytes} are decoded`);
  }
  const cursor: Cursor = { bytes, at: 0 };
  const open: Container[] = [];
  let values = 0;
  for (;;) {
    const container = open.at(-1);
    const byte = bytes[cursor.at];
    let value: BencodeValue;
    if (container && byte === END) {
      value = close(container, cursor);
      open.pop();
    } else if (container?.keys && container.keys.length === container.values.length) {
      readKey(container, cursor, anyOrder);
      continue;
    } else {
      if (++values > maxValues) {
        throw new BencodeError('TOO_MANY_VALUES', cursor.at, `more than ${maxValues} values`);
      }
      const read = container?.isTaken ? items?.read?.(cursor.at) : undefined;
      if (read !== undefined) {
        cursor.at = read;
        continue;
      }
      if (byte === LIST || byte === DICTIONARY) {
        if (open.length >= maxDepth) {
          throw new BencodeError('TOO_DEEP', cursor.at, `more than ${maxDepth} lists or dictionaries in one another`);
        }
        const isTaken = byte === LIST && items !== undefined && leadsTo(open, items.path);
        open.push(byte === LIST ? { values: [], isTaken } : { values: [], keys: [], spans: [] });
        cursor.at++;
        continue;
      }
      value = byte === INTEGER ? readInteger(cursor) : readString(cursor);
    }
    const parent = open.at(-1);
    if (!parent) return { value, end: cursor.at };
    if (parent.isTaken) {
      items?.take(value);
      continue;
    }
    parent.values.push(value);
    parent.spans?.push(cursor.at);
  }
}

/**
 * The canonical encoding. Numbers are safe integers; keys are byte strings and are sorted here.
 * @throws {BencodeError} NOT_ENCODABLE, INVALID_KEY or TOO_DEEP
 */
export function encode(value: BencodeInput): Uint8Array {
  const output = new Output();
  write(output, value, 0);
  return output.finish();
}

const END = 0x65; // e
const INTEGER = 0x69; // i
const LIST = 0x6c; // l
const DICTIONARY = 0x64; // d
const COLON = 0x3a;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
/** So many decimal digits always make a safe integer. */
const SAFE_DIGITS = 15;

// ---- Decoding ----

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

/** A list, or with keys and spans a dictionary; between values `spans` has two numbers for each, else the start too. */
interface Container {
  readonly values: BencodeValue[];
  readonly keys?: string[];
  readonly spans?: number[];
  /** A key came that belongs before another one. */
  isUnsorted?: boolean;
  /** Somebody takes the items one by one. */
  readonly isTaken?: boolean;
}

/** Whether what comes next is the value of these keys, one in the other. */
function leadsTo(open: readonly Container[], path: readonly string[]): boolean {
  return open.length === path.length && open.every(({ keys }, depth) => keys?.at(-1) === path[depth]);
}

function close(container: Container, cursor: Cursor): BencodeValue {
  const { values, keys, spans } = container;
  if (!keys || !spans) {
    cursor.at++;
    return values;
  }
  if (keys.length !== values.length) {
    throw new BencodeError('UNEXPECTED_BYTE', cursor.at, `the dictionary ends where a value is expected`);
  }
  if (container.isUnsorted) return sorted(cursor, keys, values, spans);
  cursor.at++;
  return new BencodeDictionary(cursor.bytes, keys, values, spans);
}

/** The dictionary that ends here, its keys put in order. */
function sorted(cursor: Cursor, keys: string[], values: BencodeValue[], spans: number[]): BencodeDictionary {
  const order = [...keys.keys()].sort((a, b) => (keys[a] < keys[b] ? -1 : 1));
  const ascending = order.map((i) => keys[i]);
  if (ascending.some((key, i) => key === ascending[i - 1])) {
    throw new BencodeError('DUPLICATE_KEY', cursor.at, 'a key stands twice in the dictionary that ends here');
  }
  cursor.at++;
  return new BencodeDictionary(
    cursor.bytes,
    ascending,
    order.map((i) => values[i]),
    order.flatMap((i) => [spans[2 * i], spans[2 * i + 1]]),
  );
}

function readKey(container: Container, cursor: Cursor, anyOrder: boolean): void {
  const start = cursor.at;
  const length = skipString(cursor);
  if (length > MAX_KEY_BYTES) {
    throw new BencodeError('INVALID_KEY', start, `a key of ${length} bytes; at most ${MAX_KEY_BYTES} are allowed`);
  }
  let key = '';
  for (let at = cursor.at - length; at < cursor.at; at++) key += String.fromCharCode(cursor.bytes[at]);
  const previous = container.keys?.at(-1);
  if (previous !== undefined && key <= previous) {
    if (key === previous) throw new BencodeError('DUPLICATE_KEY', start, 'a key stands twice');
    if (!anyOrder) throw new BencodeError('UNSORTED_KEY', start, 'keys are not in the order of their bytes');
    container.isUnsorted = true;
  }
  container.keys?.push(key);
  container.spans?.push(cursor.at);
}

function readString(cursor: Cursor): Uint8Array {
  const length = skipString(cursor);
  return cursor.bytes.subarray(cursor.at - length, cursor.at);
}

/** Compares the length with what is left before anything is made of it. @returns the length; the string ends where the cursor is */
function skipString(cursor: Cursor): number {
  const { bytes, at: start } = cursor;
  let at = start;
  let length = 0;
  while (isDigit(bytes[at])) {
    length = length * 10 + (bytes[at++] - ZERO);
    if (length > bytes.length - at) {
      throw new BencodeError('INVALID_LENGTH', start, 'a string is said to be longer than the input');
    }
  }
  if (at === start) throw unexpected(cursor, 'a value');
  if (bytes[start] === ZERO && at - start > 1) {
    throw new BencodeError('INVALID_LENGTH', start, 'the length of a string has a leading zero');
  }
  cursor.at = at;
  if (bytes[at] !== COLON) throw unexpected(cursor, "':'");
  cursor.at = at + 1 + length;
  if (cursor.at > bytes.length) {
    throw new BencodeError('INVALID_LENGTH', start, 'a string is said to be longer than the input');
  }
  return length;
}

function readInteger(cursor: Cursor): number | bigint {
  const { bytes, at: start } = cursor;
  const negative = bytes[start + 1] === MINUS;
  const first = start + (negative ? 2 : 1);
  let at = first;
  let value = 0;
  while (isDigit(bytes[at])) {
    if (at - first === MAX_INTEGER_DIGITS) {
      throw new BencodeError('INVALID_INTEGER', start, `an integer has more than ${MAX_INTEGER_DIGITS} digits`);
    }
    value = value * 10 + (bytes[at++] - ZERO);
  }
  const digits = at - first;
  cursor.at = at;
  if (digits === 0) throw unexpected(cursor, 'a digit');
  if (bytes[at] !== END) throw unexpected(cursor, "'e'");
  if (bytes[first] === ZERO && (negative || digits > 1)) {
    throw new BencodeError(
      'INVALID_INTEGER',
      start,
      negative ? 'an integer starts with -0' : 'an integer has a leading zero',
    );
  }
  cursor.at = at + 1;
  if (digits <= SAFE_DIGITS) return negative ? -value : value;
  const exact = BigInt(String.fromCharCode(...bytes.subarray(first, at)));
  const signed = negative ? -exact : exact;
  const safe = Number(signed);
  return Number.isSafeInteger(safe) ? safe : signed;
}

function unexpected(cursor: Cursor, expected: string): BencodeError {
  const byte = cursor.bytes[cursor.at];
  return byte === undefined
    ? new BencodeError('UNEXPECTED_END', cursor.at, `the input ends where ${expected} is expected`)
    : new BencodeError('UNEXPECTED_BYTE', cursor.at, `0x${byte.toString(16)} stands where ${expected} is expected`);
}

/** False for undefined, which is what stands behind the end. */
function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

// ---- Encoding ----

/** Bytes that grow by doubling. */
class Output {
  #bytes = new Uint8Array(256);
  length = 0;

  /** Appends text of which each character is a byte. */
  byteString(text: string): void {
    this.#reserve(text.length);
    for (let i = 0; i < text.length; i++) this.#bytes[this.length++] = text.charCodeAt(i);
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }

  #reserve(count: number): void {
    if (this.length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.length + count));
    larger.set(this.#bytes.subarray(0, this.length));
    this.#bytes = larger;
  }
}

function write(output: Output, value: BencodeInput, depth: number): void {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw notEncodable(output, 'text with a lone surrogate');
    writeString(output, new TextEncoder().encode(value));
  } else if (value instanceof Uint8Array) {
    writeString(output, value);
  } else if (typeof value === 'number' || typeof value === 'bigint') {
    writeInteger(output, value);
  } else {
    if (depth === DEFAULT_MAX_DEPTH) {
      const message = `more than ${DEFAULT_MAX_DEPTH} lists or dictionaries in one another`;
      throw new BencodeError('TOO_DEEP', output.length, message);
    }
    if (isArray(value)) {
      output.byteString('l');
      for (const item of value) write(output, item, depth + 1);
      output.byteString('e');
    } else {
      writeDictionary(output, entriesOf(output, value), depth);
    }
  }
}

function writeString(output: Output, bytes: Uint8Array): void {
  output.byteString(`${bytes.length}:`);
  output.bytes(bytes);
}

function writeInteger(output: Output, value: number | bigint): void {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw notEncodable(output, `the number ${value}, which is no safe integer`);
  }
  const digits = value.toString();
  if (digits.length > MAX_INTEGER_DIGITS + (value < 0 ? 1 : 0)) {
    throw notEncodable(output, `an integer of more than ${MAX_INTEGER_DIGITS} digits`);
  }
  output.byteString(`i${digits}e`);
}

function writeDictionary(output: Output, entries: [string, BencodeInput | undefined][], depth: number): void {
  // Byte strings compare as their bytes do; keys of one dictionary are never equal.
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  output.byteString('d');
  for (const [key, value] of entries) {
    if (value === undefined) continue;
    if (!isKey(key)) {
      const message = `a key is 0 to ${MAX_KEY_BYTES} characters, each a byte (U+0000 to U+00FF)`;
      throw new BencodeError('INVALID_KEY', output.length, message);
    }
    output.byteString(`${key.length}:${key}`);
    write(output, value, depth + 1);
  }
  output.byteString('e');
}

function isKey(key: string): boolean {
  if (key.length > MAX_KEY_BYTES) return false;
  for (let i = 0; i < key.length; i++) if (key.charCodeAt(i) > 0xff) return false;
  return true;
}

function entriesOf(output: Output, value: Exclude<BencodeInput, readonly BencodeInput[]>) {
  if (value instanceof Map || value instanceof BencodeDictionary) return [...value] as [string, BencodeInput][];
  const prototype = value === null || typeof value !== 'object' ? undefined : Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) {
    return Object.entries(value) as [string, BencodeInput | undefined][];
  }
  throw notEncodable(output, typeof value === 'object' ? 'an object of a class, or null' : `a ${typeof value}`);
}

/** Array.isArray does not narrow readonly arrays. */
function isArray(value: BencodeInput): value is readonly BencodeInput[] {
  return Array.isArray(value);
}

function notEncodable(output: Output, what: string): BencodeError {
  return new BencodeError('NOT_ENCODABLE', output.length, `${what} cannot be bencoded`);
}
