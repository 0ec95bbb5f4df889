import type { ContentFile } from './content-layout.ts';

/** What `files` has of a file; its path lacks the first name, which may stand behind it. */
export type FolderFile = Omit<ContentFile, 'offset' | 'path'> & { readonly path: string[] };

/**
 * Reads the entries of `files` that most torrents have no others of: a length and a path (BEP 3), encoded as they should be.
 * A torrent of many files is then read in a third of the time and, as no value is made that is not kept, without the garbage.
 */
export class PlainFileEntries {
  readonly #bytes: Uint8Array;
  #at = 0;
  /** Of the entry before, by depth: name, its start and its end. Of folders there are fewer than of files. */
  readonly #names: string[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Behind the entry that was read last. */
  get end(): number {
    return this.#at;
  }

  /** The file of the entry at `start`; undefined: it is none of these, and somebody else is to find out what it is. */
  read(start: number): FolderFile | undefined {
    this.#at = start;
    if (!this.#skip(BEFORE_LENGTH)) return undefined;
    const length = this.#digits(MAX_LENGTH_DIGITS);
    if (length < 0 || !this.#skip(BEFORE_PATH)) return undefined;
    const path: string[] = [];
    while (this.#bytes[this.#at] !== END) {
      const name = path.length < MAX_NAMES ? this.#name(path.length) : undefined;
      if (name === undefined) return undefined;
      path.push(name);
    }
    if (path.length === 0 || !this.#skip(BEHIND_PATH)) return undefined;
    return { path, length, kind: 'file', executable: false };
  }

  #skip(expected: Uint8Array): boolean {
    for (let i = 0; i < expected.length; i++) if (this.#bytes[this.#at + i] !== expected[i]) return false;
    this.#at += expected.length;
    return true;
  }

  /** @returns the number that stands here, -1 when there is none, or one with a leading zero or too many digits */
  #digits(max: number): number {
    const start = this.#at;
    let value = 0;
    for (let byte = this.#bytes[this.#at]; byte >= ZERO && byte <= NINE; byte = this.#bytes[++this.#at]) {
      value = value * 10 + (byte - ZERO);
    }
    const count = this.#at - start;
    return count === 0 || count > max || (count > 1 && this.#bytes[start] === ZERO) ? -1 : value;
  }

  #name(depth: number): string | undefined {
    const bytes = this.#bytes;
    const length = this.#digits(MAX_NAME_DIGITS);
    if (length < 0 || bytes[this.#at] !== COLON) return undefined;
    const start = this.#at + 1;
    const end = start + length;
    if (end > bytes.length) return undefined;
    this.#at = end;
    if (!this.#isSame(depth, start, end)) {
      this.#names[depth] = utf8.decode(bytes.subarray(start, end));
      this.#starts[depth] = start;
      this.#ends[depth] = end;
    }
    return this.#names[depth];
  }

  #isSame(depth: number, start: number, end: number): boolean {
    const former = this.#starts[depth];
    if (former === undefined || this.#ends[depth] - former !== end - start) return false;
    // The end differs first, where names are numbered.
    for (let i = end - start - 1; i >= 0; i--) if (this.#bytes[former + i] !== this.#bytes[start + i]) return false;
    return true;
  }
}

const bytesOf = (text: string) => new TextEncoder().encode(text);
const BEFORE_LENGTH = bytesOf('d6:lengthi');
const BEFORE_PATH = bytesOf('e4:pathl');
const BEHIND_PATH = bytesOf('ee');
const END = 0x65; // e
const COLON = 0x3a;
const ZERO = 0x30;
const NINE = 0x39;
/** So many decimal digits always make a safe integer. */
const MAX_LENGTH_DIGITS = 15;
const MAX_NAME_DIGITS = 4;
const MAX_NAMES = 64;
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
