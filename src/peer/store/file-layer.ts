/** Names from the download folder on, as torrent-paths.ts let them in. */
export type FilePath = readonly string[];

export interface FileState {
  readonly bytes: number;
  /** When it was last written; two that differ are two moments. */
  readonly changed: string;
}

export type FileErrorCode =
  | 'MISSING'
  | 'TOO_SHORT'
  | 'TOO_LONG'
  | 'CHANGED'
  | 'NOT_A_FILE'
  | 'LEADS_ELSEWHERE'
  | 'UNWRITABLE'
  | 'DISK_FULL'
  | 'FILE_FAILED';

/** A file of a content cannot be read or written. The message names it and says what to do. */
export class FileError extends Error {
  override readonly name = 'FileError';
  readonly code: FileErrorCode;
  readonly path: string;

  constructor(code: FileErrorCode, path: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.path = path;
  }
}

/**
 * The files of one download folder, and nothing outside it. Every method returns when it is done and throws `FileError`.
 *
 * What was written can be read at once, but is on the disk only after `sync`: a power cut loses any part of what was not
 * synced, in any order, down to single sectors. It is what tests put in the place of a disk to take its power away.
 */
export interface FileLayer {
  /** Undefined when there is none. */
  stat(path: FilePath): FileState | undefined;
  /** The bytes of `stat`, for half its price. */
  length(path: FilePath): number | undefined;
  /**
   * Makes a new file that long, zeros all of it, with its folders.
   * @param executable it may be run (BEP 47, attribute x)
   * @returns false: something is there already, and stays as it is
   */
  create(path: FilePath, bytes: number, executable?: boolean): boolean;
  /**
   * Makes the file that long: a new one with its folders, or an old one cut or followed by zeros.
   * @param executable a new file may be run (BEP 47, attribute x)
   */
  resize(path: FilePath, bytes: number, executable?: boolean): void;
  /**
   * Opens a file for `read`, and looks at it for less than `stat` and `read` cost one after the other.
   * @returns as `stat`; undefined: there is none, or what was opened before may not be what lies there now
   */
  open(path: FilePath): FileState | undefined;
  /** Fills `into`. @throws {FileError} TOO_SHORT, MISSING */
  read(path: FilePath, offset: number, into: Uint8Array): void;
  /** All of `bytes`, within the length of a file that is there. */
  write(path: FilePath, offset: number, bytes: Uint8Array): void;
  /** When it returns, these files are on the disk as they are: their bytes, their lengths, and that they are there. */
  sync(paths: Iterable<FilePath>): void;
  /** Gives up what it holds open; later calls open it again. */
  close(): void;
}
