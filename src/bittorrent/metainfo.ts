// Torrent files and their info dictionaries (BEP 3), read: several files, pad files and attributes (BEP 47), private
// torrents (BEP 27), lists of trackers (BEP 12). A hybrid of version 1 and 2 (BEP 52) is read as version 1.
//
// The info-hash is taken over the bytes of `info` as they came: encoded anew they could be others. So the sloppiness of
// programs that made torrents does no harm where the meaning is clear, and other clients read them too: keys in any order,
// something behind the end of the file.

import {
  BencodeDictionary,
  BencodeError,
  type BencodeValue,
  type DecodeOptions,
  decodeDictionary,
  decodePrefix,
} from './bencode.ts';
import { type ContentFile, type ContentLayout, layOut, MAX_FILES, pathsOnDisk } from './content-layout.ts';
import { INFO_HASH_BYTES } from './info-hash.ts';
import { type FolderFile, PlainFileEntries } from './plain-file-entries.ts';
import { checkPaths, type PathRules, PORTABLE_PATHS } from './torrent-paths.ts';

export const PIECE_HASH_BYTES = 20;
export const MAX_METAINFO_BYTES = 16 * 1024 * 1024;
export const MAX_TRACKERS = 200;
export const MAX_TRACKER_URL_BYTES = 2048;
/** A longer comment is cut. */
export const MAX_COMMENT_CHARACTERS = 1000;

/** SHA-1 of some bytes, 20 bytes. Handed in, as nothing here depends on a runtime. */
export type Sha1 = (bytes: Uint8Array) => Uint8Array;

/** What an info dictionary says. */
export interface TorrentInfo extends ContentLayout {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** The dictionary as it came, a view of the input: what BEP 9 hands to others. */
  readonly infoBytes: Uint8Array;
  /** The SHA-1 of each piece, 20 bytes each, a view of the input. */
  readonly pieceHashes: Uint8Array;
  /** Peers come from its trackers only: no PEX, no multicast among peers (BEP 27). */
  readonly isPrivate: boolean;
}

export interface Metainfo {
  readonly info: TorrentInfo;
  /** Tiers of URLs as BEP 12 orders them; `announce` alone is one tier of one. */
  readonly trackers: readonly (readonly string[])[];
  readonly comment: string | undefined;
  readonly createdBy: string | undefined;
  /** Seconds since 1970. */
  readonly creationDate: number | undefined;
}

export type MetainfoErrorCode = 'MISSING_FIELD' | 'INVALID_FIELD' | 'UNSUPPORTED_VERSION' | 'PIECES_MISMATCH';

export class MetainfoError extends Error {
  readonly code: MetainfoErrorCode;
  override readonly name = 'MetainfoError';

  constructor(code: MetainfoErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Reads a torrent file.
 * @throws {BencodeError} it is no bencoded dictionary
 * @throws {MetainfoError} {@link ContentLayoutError} {@link TorrentPathError} what it says cannot be
 */
export function parseMetainfo(bytes: Uint8Array, sha1: Sha1, paths: PathRules = PORTABLE_PATHS): Metainfo {
  const files: FolderFile[] = [];
  const { value: root } = decodePrefix(bytes, decoding(bytes, ['info', 'files'], files));
  if (!(root instanceof BencodeDictionary)) throw new BencodeError('NOT_A_DICTIONARY', 0, 'a dictionary is expected');
  const infoBytes = root.span('info');
  const info = root.get('info');
  if (infoBytes === undefined) throw missing('info');
  if (!(info instanceof BencodeDictionary)) throw invalid('info', 'is no dictionary');
  const date = root.get('creation date');
  return {
    info: readInfo(info, files, infoBytes, sha1, paths),
    trackers: readTrackers(root),
    comment: optionalText(root, 'comment'),
    createdBy: optionalText(root, 'created by'),
    creationDate: typeof date === 'number' && date >= 0 ? date : undefined,
  };
}

/** As `parseMetainfo`, of an info dictionary alone: the metadata of BEP 9. */
export function parseInfo(infoBytes: Uint8Array, sha1: Sha1, paths: PathRules = PORTABLE_PATHS): TorrentInfo {
  const files: FolderFile[] = [];
  return readInfo(decodeDictionary(infoBytes, decoding(infoBytes, ['files'], files)), files, infoBytes, sha1, paths);
}

/** The list of files may be most of a torrent: each entry becomes a file at once, and all else of it is forgotten. */
function decoding(bytes: Uint8Array, path: readonly string[], into: FolderFile[]): DecodeOptions {
  const plain = new PlainFileEntries(bytes);
  const add = (file: FolderFile) => {
    if (into.length >= MAX_FILES)
      throw invalid('files', `has more than ${MAX_FILES} entries, which are all that are read`);
    into.push(file);
  };
  return {
    maxBytes: MAX_METAINFO_BYTES,
    anyOrder: true,
    items: {
      path,
      read(at) {
        const file = plain.read(at);
        if (file) add(file);
        return file && plain.end;
      },
      take: (entry) => add(folderFile(entry)),
    },
  };
}

function readInfo(
  info: BencodeDictionary,
  inFolder: readonly FolderFile[],
  infoBytes: Uint8Array,
  sha1: Sha1,
  paths: PathRules,
): TorrentInfo {
  const version = info.get('meta version');
  if (version !== undefined && version !== 1 && version !== 2) {
    throw new MetainfoError('UNSUPPORTED_VERSION', `the torrent has version ${String(version)}; 1 is read`);
  }
  const pieceHashes = info.get('pieces');
  if (pieceHashes === undefined && version === 2) {
    throw new MetainfoError('UNSUPPORTED_VERSION', 'the torrent is of version 2 only; version 1 and hybrids are read');
  }
  if (!(pieceHashes instanceof Uint8Array)) throw missing('pieces');
  const pieceLength = info.get('piece length');
  if (typeof pieceLength !== 'number' && typeof pieceLength !== 'bigint') throw missing('piece length');
  const name = text(info, 'name');
  if (name === undefined) throw missing('name');
  const list = info.get('files');
  if (list !== undefined && !Array.isArray(list)) throw invalid('files', 'is no list');
  for (const { path } of inFolder) path.unshift(name);
  const files = list === undefined ? [singleFile(info, name)] : inFolder;
  // A bigint is an integer beyond all bounds, which the layout says of its number too.
  const layout = layOut(name, list !== undefined, files, Number(pieceLength));
  if (pieceHashes.length !== layout.pieceCount * PIECE_HASH_BYTES) {
    throw new MetainfoError(
      'PIECES_MISMATCH',
      `${layout.size} bytes in pieces of ${layout.pieceLength} have ${layout.pieceCount} hashes of ${PIECE_HASH_BYTES} bytes; ` +
        `there are ${pieceHashes.length} bytes of them`,
    );
  }
  checkPaths(pathsOnDisk(layout), paths);
  const infoHash = sha1(infoBytes);
  if (infoHash.length !== INFO_HASH_BYTES) throw invalid('info', 'has no SHA-1 of 20 bytes');
  return { ...layout, infoHash, infoBytes, pieceHashes, isPrivate: info.get('private') === 1 };
}

function singleFile(info: BencodeDictionary, name: string): Omit<ContentFile, 'offset'> {
  return { path: [name], length: lengthOf(info), ...attributes(info, false) };
}

function folderFile(entry: BencodeValue): FolderFile {
  if (!(entry instanceof BencodeDictionary)) throw invalid('files', 'has an entry that is no dictionary');
  const path = entry.get('path.utf-8') ?? entry.get('path');
  if (path === undefined) throw missing('path');
  if (!Array.isArray(path)) throw invalid('path', 'is no list');
  const names = path.map((part) => {
    if (part instanceof Uint8Array) return utf8.decode(part);
    throw invalid('path', 'has a name that is no string');
  });
  const shape = attributes(entry, true);
  if (names.length === 0 && shape.kind === 'file') throw invalid('path', 'of a file is empty');
  return { path: names, length: lengthOf(entry), ...shape };
}

function lengthOf(file: BencodeDictionary): number {
  const length = file.get('length');
  if (length === undefined) throw missing('length');
  if (typeof length !== 'number' || length < 0) throw invalid('length', 'of a file is no number of bytes');
  return length;
}

/** BEP 47; a torrent that is one file has bytes, whatever its attributes say. */
function attributes(file: BencodeDictionary, mayBePad: boolean): Pick<ContentFile, 'kind' | 'executable'> {
  const attr = file.get('attr');
  if (!(attr instanceof Uint8Array)) return { kind: 'file', executable: false };
  const kind = mayBePad && attr.includes(PAD) ? 'pad' : mayBePad && attr.includes(LINK) ? 'link' : 'file';
  if (kind === 'link' && lengthOf(file) !== 0) throw invalid('length', 'of a symbolic link is not 0');
  return { kind, executable: attr.includes(EXECUTABLE) };
}

/** BEP 12: `announce` counts only where there is no list. Entries that are no URLs of trackers are left out. */
function readTrackers(root: BencodeDictionary): string[][] {
  const list = root.get('announce-list');
  const tiers: string[][] = [];
  let left = MAX_TRACKERS;
  for (const entry of Array.isArray(list) ? list : []) {
    const urls = (Array.isArray(entry) ? entry : [entry]).flatMap(trackerUrl).slice(0, left);
    left -= urls.length;
    if (urls.length > 0) tiers.push(urls);
  }
  if (tiers.length > 0) return tiers;
  const urls = trackerUrl(root.get('announce'));
  return urls.length === 0 ? [] : [urls];
}

function trackerUrl(value: BencodeValue | undefined): string[] {
  if (!(value instanceof Uint8Array) || value.length > MAX_TRACKER_URL_BYTES) return [];
  const url = utf8.decode(value).trim();
  return TRACKER_URL.test(url) ? [url] : [];
}

function optionalText(dictionary: BencodeDictionary, key: string): string | undefined {
  return text(dictionary, key)?.slice(0, MAX_COMMENT_CHARACTERS);
}

/** The UTF-8 twin of a key, which old clients write, goes before; what is not UTF-8 becomes U+FFFD. */
function text(dictionary: BencodeDictionary, key: string): string | undefined {
  const value = dictionary.get(`${key}.utf-8`) ?? dictionary.get(key);
  return value instanceof Uint8Array ? utf8.decode(value) : undefined;
}

function missing(key: string): MetainfoError {
  return new MetainfoError('MISSING_FIELD', `the torrent has no valid field '${key}'`);
}

function invalid(key: string, what: string): MetainfoError {
  return new MetainfoError('INVALID_FIELD', `the torrent's field '${key}' ${what}`);
}

const PAD = 0x70; // p
const LINK = 0x6c; // l
const EXECUTABLE = 0x78; // x
const TRACKER_URL = /^(?:udp|https?):\/\/[^\s]+$/i;
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
