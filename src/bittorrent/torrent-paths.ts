// Where a torrent's files may go. Their names are a stranger's words, and a program that follows them writes where the
// stranger likes. So names are refused, never repaired: a repaired name could meet another file's.
//
// What could leave the folder, or make two files one, is refused everywhere. What only some systems cannot hold
// (Windows' devices and characters, names that differ in case only) is refused under the rules that the caller gives.

/** Of one name, as UTF-8: the limit of the file systems in use. */
export const MAX_NAME_BYTES = 255;
/** Of a path with its separators, as UTF-8; leaves room for the download folder below the 4,096 of Linux. */
export const MAX_PATH_BYTES = 2048;
export const MAX_PATH_NAMES = 64;

/** What the system of the download folder cannot hold. */
export interface PathRules {
  /** `a` and `A` are two files. */
  readonly caseSensitive: boolean;
  /** Windows' devices (`NUL`, `COM1.txt`), `<>:"|?*` and a dot or blank at the end are names like any other. */
  readonly windowsNames: boolean;
}

/** Names that every system can hold. */
export const PORTABLE_PATHS: PathRules = { caseSensitive: false, windowsNames: false };
/** Linux and its kin. */
export const POSIX_PATHS: PathRules = { caseSensitive: true, windowsNames: true };

export type TorrentPathErrorCode =
  | 'EMPTY_PATH'
  | 'EMPTY_NAME'
  | 'DOT_NAME'
  | 'INVALID_CHARACTER'
  | 'NAME_TOO_LONG'
  | 'PATH_TOO_LONG'
  | 'RESERVED_NAME'
  | 'DUPLICATE_PATH'
  | 'CASE_CLASH'
  | 'FILE_AND_FOLDER';

export class TorrentPathError extends Error {
  readonly code: TorrentPathErrorCode;
  override readonly name = 'TorrentPathError';

  constructor(code: TorrentPathErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Holds one path, names from the download folder on, to the rules.
 * @throws {TorrentPathError}
 */
export function checkPath(path: readonly string[], rules: PathRules = PORTABLE_PATHS): void {
  if (path.length === 0) throw new TorrentPathError('EMPTY_PATH', 'a file of the torrent has no name');
  let bytes = path.length - 1;
  for (const name of path) bytes += checkName(name, rules);
  checkLength(path.length, bytes);
}

/**
 * Holds the paths of all files of a torrent to the rules, each and among themselves: no two are the same file, none is
 * the folder of another.
 * @throws {TorrentPathError}
 */
export function checkPaths(paths: Iterable<readonly string[]>, rules: PathRules = PORTABLE_PATHS): void {
  const root: Folder = new Map();
  for (const path of paths) {
    if (path.length === 0) throw new TorrentPathError('EMPTY_PATH', 'a file of the torrent has no name');
    let folder = root;
    let bytes = path.length - 1;
    for (let depth = 0; depth < path.length; depth++) {
      const name = path[depth];
      const isFile = depth === path.length - 1;
      const key = rules.caseSensitive ? name : foldCase(name);
      const there = folder.get(key);
      if (there === undefined) {
        const entry: Entry = { name, bytes: checkName(name, rules), inside: isFile ? undefined : new Map() };
        bytes += entry.bytes;
        folder.set(key, entry);
        if (entry.inside) folder = entry.inside;
        continue;
      }
      bytes += there.bytes;
      if (there.name !== name) {
        checkName(name, rules);
        throw new TorrentPathError('CASE_CLASH', `${show(path)} differs from ${quote(there.name)} in case only`);
      }
      if (isFile && there.inside === undefined) {
        throw new TorrentPathError('DUPLICATE_PATH', `${show(path)} is in the torrent twice`);
      }
      if (isFile || there.inside === undefined) {
        throw new TorrentPathError(
          'FILE_AND_FOLDER',
          `${show(path.slice(0, depth + 1))} is a file and a folder at once`,
        );
      }
      folder = there.inside;
    }
    checkLength(path.length, bytes);
  }
}

function checkLength(names: number, bytes: number): void {
  if (names <= MAX_PATH_NAMES && bytes <= MAX_PATH_BYTES) return;
  throw new TorrentPathError(
    'PATH_TOO_LONG',
    `a path of the torrent has ${names} names and ${bytes} bytes; at most ${MAX_PATH_NAMES} and ${MAX_PATH_BYTES} are allowed`,
  );
}

interface Entry {
  readonly name: string;
  /** Of the name. */
  readonly bytes: number;
  /** What a folder holds; undefined for a file. */
  readonly inside: Folder | undefined;
}
type Folder = Map<string, Entry>;

/** The separators of all systems, and what would let a name act on a terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point
const INVALID_CHARACTER = /[/\\\u0000-\u001f\u007f]/;
const WINDOWS_CHARACTER = /[<>:"|?*]/;
/** Devices keep their power with any extension; superscript digits count as digits. */
const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[0-9¹²³])[ .]*(?:\.|:|$)/i;
const SHOWN_CHARACTERS = 100;

/** @returns its length in bytes */
function checkName(name: string, rules: PathRules): number {
  if (name === '') throw new TorrentPathError('EMPTY_NAME', 'a path of the torrent has an empty name or is absolute');
  if (name === '.' || name === '..') {
    throw new TorrentPathError('DOT_NAME', `a path of the torrent has the name ${quote(name)}, which leads elsewhere`);
  }
  if (INVALID_CHARACTER.test(name)) {
    throw new TorrentPathError('INVALID_CHARACTER', `the name ${quote(name)} has a separator or a control character`);
  }
  const bytes = utf8Bytes(name);
  if (bytes > MAX_NAME_BYTES) {
    throw new TorrentPathError(
      'NAME_TOO_LONG',
      `the name ${quote(name)} has ${bytes} bytes; at most ${MAX_NAME_BYTES} are allowed`,
    );
  }
  if (!rules.windowsNames) {
    if (WINDOWS_DEVICE.test(name)) {
      throw new TorrentPathError('RESERVED_NAME', `the name ${quote(name)} is a device on Windows`);
    }
    if (WINDOWS_CHARACTER.test(name) || name.endsWith('.') || name.endsWith(' ')) {
      throw new TorrentPathError('RESERVED_NAME', `the name ${quote(name)} cannot be a file on Windows`);
    }
  }
  return bytes;
}

/** What a file system that does not tell case, or composed characters, apart would make of it. */
function foldCase(name: string): string {
  return name.normalize('NFC').toUpperCase().toLowerCase();
}

function utf8Bytes(text: string): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    // A surrogate is half of 4 bytes; a lone one is written as U+FFFD, 3 bytes, which this never underrates by more than 1.
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code >= 0xd800 && code < 0xe000 ? 2 : 3;
  }
  return bytes;
}

function show(path: readonly string[]): string {
  return quote(path.join('/'));
}

function quote(text: string): string {
  return JSON.stringify(text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text);
}
