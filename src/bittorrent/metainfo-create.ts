// Torrent files, written. The files are laid out first (`planContent`), then somebody hashes the pieces of that
// layout, then the info dictionary is written; reading it back gives the same layout.

import { type BencodeInput, encode } from './bencode.ts';
import { type ContentFile, type ContentLayout, layOut, pathsOnDisk } from './content-layout.ts';
import { MetainfoError, PIECE_HASH_BYTES } from './metainfo.ts';
import { checkPaths, type PathRules, PORTABLE_PATHS } from './torrent-paths.ts';

/** Pieces are a power of two, long enough that there are no more than this. */
export const WANTED_PIECES = 1536;
export const SHORTEST_CHOSEN_PIECE = 32 * 1024;
export const LONGEST_CHOSEN_PIECE = 16 * 1024 * 1024;

export interface SourceFile {
  /** Names below the torrent's folder; of a torrent that is one file, nothing. */
  readonly path: readonly string[];
  /** Bytes. */
  readonly length: number;
  readonly executable?: boolean;
}

export interface PlanOptions {
  /** By default as `choosePieceLength` has it. */
  readonly pieceLength?: number;
  /** Let every file begin a piece (BEP 47), so that equal files of two torrents have equal pieces. */
  readonly padFiles?: boolean;
  readonly paths?: PathRules;
}

/** Bytes of a piece for so many bytes of content: few hashes, and pieces that are soon complete. */
export function choosePieceLength(size: number): number {
  let length = SHORTEST_CHOSEN_PIECE;
  while (length < LONGEST_CHOSEN_PIECE && size > length * WANTED_PIECES) length *= 2;
  return length;
}

/**
 * Lays out the files of a new torrent in the order given.
 * @param files one without a path is the torrent itself; otherwise the torrent is the folder `name`
 * @throws {ContentLayoutError} {@link TorrentPathError} no such torrent can be
 */
export function planContent(name: string, files: readonly SourceFile[], options: PlanOptions = {}): ContentLayout {
  const isFolder = files.length !== 1 || files[0].path.length > 0;
  const pieceLength = options.pieceLength ?? choosePieceLength(files.reduce((sum, file) => sum + file.length, 0));
  const padded: Omit<ContentFile, 'offset'>[] = [];
  let size = 0;
  for (const { path, length, executable = false } of files) {
    const gap = options.padFiles && length > 0 ? (pieceLength - (size % pieceLength)) % pieceLength : 0;
    // As libtorrent names them; two of one length are one name, which nobody writes.
    if (gap > 0) padded.push({ path: [name, '.pad', String(gap)], length: gap, kind: 'pad', executable: false });
    padded.push({ path: [name, ...path], length, kind: 'file', executable });
    size += gap + length;
  }
  const layout = layOut(name, isFolder, padded, pieceLength);
  checkPaths(pathsOnDisk(layout), options.paths ?? PORTABLE_PATHS);
  return layout;
}

/**
 * The info dictionary. Equal arguments give equal bytes, hence one info-hash.
 * @param pieceHashes the SHA-1 of each piece, 20 bytes each
 * @throws {MetainfoError} PIECES_MISMATCH
 */
export function encodeInfo(
  layout: ContentLayout,
  pieceHashes: Uint8Array,
  options: { readonly isPrivate?: boolean } = {},
): Uint8Array {
  if (pieceHashes.length !== layout.pieceCount * PIECE_HASH_BYTES) {
    throw new MetainfoError(
      'PIECES_MISMATCH',
      `${layout.pieceCount} pieces have ${layout.pieceCount * PIECE_HASH_BYTES} bytes of hashes, got ${pieceHashes.length}`,
    );
  }
  return encode({
    name: layout.name,
    'piece length': layout.pieceLength,
    pieces: pieceHashes,
    private: options.isPrivate ? 1 : undefined,
    ...(layout.isFolder
      ? { files: layout.files.map((file) => ({ ...fileFields(file), path: file.path.slice(1) })) }
      : fileFields(layout.files[0])),
  });
}

export interface MetainfoFields {
  /** Tiers of URLs (BEP 12). */
  readonly trackers?: readonly (readonly string[])[];
  readonly comment?: string;
  readonly createdBy?: string;
  /** Seconds since 1970. */
  readonly creationDate?: number;
}

/** A torrent file around an info dictionary, whose bytes stay as they are. */
export function encodeMetainfo(infoBytes: Uint8Array, fields: MetainfoFields = {}): Uint8Array {
  const tiers = fields.trackers?.filter((tier) => tier.length > 0) ?? [];
  const before: Record<string, BencodeInput | undefined> = {
    announce: tiers[0]?.[0],
    'announce-list': tiers.length > 1 || tiers[0]?.length > 1 ? tiers : undefined,
    comment: fields.comment,
    'created by': fields.createdBy,
    'creation date': fields.creationDate,
  };
  // All other keys sort before `info`, so the dictionary is theirs with the info put before its last byte.
  const head = encode(before).subarray(0, -1);
  const out = new Uint8Array(head.length + INFO_KEY.length + infoBytes.length + 1);
  out.set(head, 0);
  out.set(INFO_KEY, head.length);
  out.set(infoBytes, head.length + INFO_KEY.length);
  out[out.length - 1] = END;
  return out;
}

function fileFields(file: ContentFile): { [key: string]: BencodeInput | undefined } {
  const attr = (file.kind === 'pad' ? 'p' : '') + (file.executable ? 'x' : '');
  return { length: file.length, attr: attr === '' ? undefined : attr };
}

const INFO_KEY = new TextEncoder().encode('4:info');
const END = 0x65;
