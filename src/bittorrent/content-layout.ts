// How the files of a torrent lie in its content (BEP 3): one behind the other, as one row of bytes, cut into pieces of
// one length. Pad files (BEP 47) are zeros between them, never written, so that each file begins a piece.

/** A piece is verified in memory; a longer one is refused. */
export const MAX_PIECE_LENGTH = 64 * 1024 * 1024;
export const MAX_FILES = 200_000;
/** As many as have room in the metainfo. */
export const MAX_PIECES = 800_000;

/**
 * - `file`: bytes on disk.
 * - `pad`: zeros that no disk has (BEP 47).
 * - `link`: a symbolic link (BEP 47) without bytes of its own. It is not made: where it leads is a stranger's choice.
 */
export type FileKind = 'file' | 'pad' | 'link';

export interface ContentFile {
  /** Names from the download folder on; for several files the first is the torrent's name. Of pad files it means nothing. */
  readonly path: readonly string[];
  /** Bytes. */
  readonly length: number;
  /** Of its first byte in the content. */
  readonly offset: number;
  readonly kind: FileKind;
  readonly executable: boolean;
}

export interface ContentLayout {
  readonly name: string;
  /** Whether the torrent is a folder of files, if only of one. */
  readonly isFolder: boolean;
  /** Without gaps, in the order of their offsets. */
  readonly files: readonly ContentFile[];
  /** Bytes of all files, pad files included. */
  readonly size: number;
  /** Bytes of each piece but the last. */
  readonly pieceLength: number;
  readonly pieceCount: number;
}

export type ContentLayoutErrorCode = 'INVALID_PIECE_LENGTH' | 'TOO_MANY_PIECES' | 'TOO_MANY_FILES' | 'INVALID_LENGTH';

export class ContentLayoutError extends Error {
  readonly code: ContentLayoutErrorCode;
  override readonly name = 'ContentLayoutError';

  constructor(code: ContentLayoutErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Bytes of piece `piece`, which exists. */
export function pieceBytes(layout: ContentLayout, piece: number): number {
  return Math.min(layout.pieceLength, layout.size - piece * layout.pieceLength);
}

/**
 * Lays files out one behind the other.
 * @throws {ContentLayoutError}
 */
export function layOut(
  name: string,
  isFolder: boolean,
  files: readonly Omit<ContentFile, 'offset'>[],
  pieceLength: number,
): ContentLayout {
  if (!Number.isSafeInteger(pieceLength) || pieceLength < 1 || pieceLength > MAX_PIECE_LENGTH) {
    throw new ContentLayoutError(
      'INVALID_PIECE_LENGTH',
      `pieces have 1 to ${MAX_PIECE_LENGTH} bytes, those of the torrent ${pieceLength}`,
    );
  }
  if (files.length > MAX_FILES) {
    throw new ContentLayoutError('TOO_MANY_FILES', `${files.length} files; at most ${MAX_FILES} are allowed`);
  }
  let size = 0;
  const placed = files.map((file): ContentFile => {
    const { path, length, kind, executable } = file;
    const offset = size;
    size += length;
    if (!Number.isSafeInteger(length) || length < 0 || !Number.isSafeInteger(size)) {
      throw new ContentLayoutError('INVALID_LENGTH', `a file of ${length} bytes at byte ${offset} cannot be`);
    }
    return { path, length, offset, kind, executable };
  });
  const pieceCount = Math.ceil(size / pieceLength);
  if (pieceCount > MAX_PIECES) {
    throw new ContentLayoutError(
      'TOO_MANY_PIECES',
      `${size} bytes make ${pieceCount} pieces of ${pieceLength}; at most ${MAX_PIECES} are allowed: use longer pieces`,
    );
  }
  return { name, isFolder, files: placed, size, pieceLength, pieceCount };
}

/** Of the files that are written; of a folder without any, its own. */
export function pathsOnDisk(layout: ContentLayout): (readonly string[])[] {
  const paths = layout.files.filter((file) => file.kind === 'file').map((file) => file.path);
  return paths.length > 0 ? paths : [[layout.name]];
}

/** The place in `files` of the file that has the byte at `offset`, the first with bytes there or behind. */
export function fileAt(files: readonly ContentFile[], offset: number): number {
  let low = 0;
  let high = files.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (files[middle].offset + files[middle].length <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A run of bytes within one file. */
export interface FileSpan {
  /** Place in `files`. */
  readonly file: number;
  /** Within the file. */
  readonly offset: number;
  /** At least 1. */
  readonly length: number;
}

/** The bytes [start, end) of the content as runs within its files, pad files included, in order. */
export function fileSpans(files: readonly ContentFile[], start: number, end: number): FileSpan[] {
  const spans: FileSpan[] = [];
  for (let file = fileAt(files, start); file < files.length && files[file].offset < end; file++) {
    const { offset, length } = files[file];
    const from = Math.max(start, offset);
    const to = Math.min(end, offset + length);
    if (to > from) spans.push({ file, offset: from - offset, length: to - from });
  }
  return spans;
}
