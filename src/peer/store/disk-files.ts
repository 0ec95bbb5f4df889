import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  realpathSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { makeFolder } from '../../cluster/storage/make-folder.ts';
import { FileError, type FileErrorCode, type FileLayer, type FilePath, type FileState } from './file-layer.ts';

/** Files that are kept open; the one used longest ago goes first. */
export const MAX_OPEN_FILES = 128;

/**
 * What was found to be a folder is not looked at again for so long: as long as a chunk of many small files takes. Whoever is
 * quick enough could as well come between the look and the opening of a file.
 */
const LOOK_MS = 5;

export interface DiskFilesOptions {
  /** The download folder; made when it is not there and files are written. It may itself be a link: that is the user's choice. */
  readonly folder: string;
  /** Files are never changed, opened for reading only. */
  readonly readOnly?: boolean;
  /** Of the system; without them it is done in other ways. */
  readonly calls?: FileCalls;
}

/** What Node has no functions for (linux-file-calls.ts). */
export interface FileCalls {
  /** Brings the whole file system of a descriptor to the disk, for many files at once. */
  readonly syncFileSystem?: ((fd: number) => void) | undefined;
  /** Makes a file longer, with room on the disk; false: it cannot. */
  readonly preallocate?: (fd: number, bytes: number) => boolean;
  /** Begins to write what was put into a file. */
  readonly startWriting?: (fd: number, offset: number, bytes: number) => void;
  /** Reads from an open file without waiting for the disk, or throws. Returns how much. */
  readonly read?: (fd: number, into: Uint8Array, offset: number) => number;
}

/** Shorter files are written at once anyway, and the call costs more than it saves. */
const PREALLOCATE_FROM_BYTES = 64 * 1024;
/** What is shorter is gathered by the system, and written when it is synced. */
const START_WRITING_FROM_BYTES = 32 * 1024;

/** From so many files on, all of the file system is synced at once: measured 20 times as fast for 1,000 files of 100 KiB. */
export const SYNC_ALL_FROM = 16;

/**
 * Files of a real folder. No link below it is followed, of a folder or of a file, and only regular files are opened: who can
 * put a link there must not be able to have other files read or overwritten.
 */
export class DiskFiles implements FileLayer {
  readonly #folder: string;
  /** What paths in it begin with. */
  readonly #inside: string;
  readonly #readOnly: boolean;
  readonly #calls: FileCalls;
  /** Descriptors by path, the one used longest ago first. */
  readonly #open = new Map<string, OpenFile>();
  /** Folders in which something was made that may be gone after a power cut. */
  readonly #changedFolders = new Set<string>();
  /** Folders that were found to be none but folders, since `#lookedAtMs`. */
  readonly #seenFolders = new Set<string>();
  /** Folders that were not there, or whose folder was not, since then. */
  readonly #missingFolders = new Set<string>();
  #lookedAtMs = 0;
  /** What is done to a file is done to it several times in a row. */
  #last: Located | undefined;

  /** @throws {FileError} the folder cannot be made or is none */
  constructor({ folder, readOnly = false, calls = {} }: DiskFilesOptions) {
    this.#readOnly = readOnly;
    this.#calls = calls;
    this.#folder = this.#guard(folder, () => {
      if (!readOnly) makeDownloadFolder(resolve(folder));
      const real = realpathSync(resolve(folder));
      if (!statSync(real).isDirectory())
        throw new FileError('NOT_A_FILE', folder, `${folder} is not a folder; choose another`);
      return real;
    });
    this.#inside = this.#folder.endsWith(sep) ? this.#folder : this.#folder + sep;
  }

  stat(path: FilePath): FileState | undefined {
    const file = this.#locate(path);
    const { place } = file;
    return this.#guard(place, () => {
      if (!this.#hasFolders(file)) return undefined;
      const stats = lstatSync(place, { bigint: true, throwIfNoEntry: false });
      if (!stats) return undefined;
      requireFile(place, stats);
      return stateOf(stats);
    });
  }

  length(path: FilePath): number | undefined {
    const file = this.#locate(path);
    const { place } = file;
    return this.#guard(place, () => {
      const stats = this.#hasFolders(file) ? lstatSync(place, { throwIfNoEntry: false }) : undefined;
      if (stats) requireFile(place, stats);
      return stats?.size;
    });
  }

  create(path: FilePath, bytes: number, executable = false): boolean {
    const file = this.#locate(path);
    const { place, folder } = file;
    return this.#guard(place, () => {
      this.#makeFolders(file);
      const fd = openNew(place, executable);
      if (fd === undefined) return false;
      this.#changedFolders.add(folder);
      this.#keepOpen(place, { fd, isWritable: true });
      if (bytes > 0) this.#setLength(fd, 0, bytes);
      return true;
    });
  }

  resize(path: FilePath, bytes: number, executable = false): void {
    const file = this.#locate(path);
    const purpose = executable ? 'createExecutable' : 'create';
    this.#guard(file.place, () => {
      const fd = this.#descriptor(file, purpose);
      this.#setLength(fd, fstatSync(fd).size, bytes);
    });
  }

  #setLength(fd: number, size: number, bytes: number): void {
    if (bytes < PREALLOCATE_FROM_BYTES || size >= bytes || !this.#makeRoom(fd, size, bytes)) ftruncateSync(fd, bytes);
  }

  /** @returns false when the file has its former length, which is to be changed in another way */
  #makeRoom(fd: number, size: number, bytes: number): boolean {
    try {
      return this.#calls.preallocate?.(fd, bytes) ?? false;
    } catch (error) {
      // What room was found already is given back: somebody else may need it to have this one resumed.
      ftruncateSync(fd, size);
      throw error;
    }
  }

  open(path: FilePath): FileState | undefined {
    const file = this.#locate(path);
    return this.#guard(file.place, () => {
      if (this.#open.has(file.place) || !this.#hasFolders(file)) return undefined;
      const found = this.#openIfThere(file);
      if (found) this.#keepOpen(file.place, found.opened);
      return found?.state;
    });
  }

  /**
   * An open file, for who reads it in a way of its own.
   * @returns its descriptor, good until the next call
   * @throws {FileError} as `read`
   */
  descriptor(path: FilePath): number {
    const file = this.#locate(path);
    return this.#guard(file.place, () => this.#descriptor(file, 'read'));
  }

  read(path: FilePath, offset: number, into: Uint8Array): void {
    const file = this.#locate(path);
    const read = this.#calls.read ?? readAnyway;
    this.#guard(file.place, () => {
      const fd = this.#descriptor(file, 'read');
      for (let at = 0; at < into.length; ) {
        const count = read(fd, at === 0 ? into : into.subarray(at), offset + at);
        if (count === 0) {
          throw new FileError(
            'TOO_SHORT',
            file.place,
            `${file.place} ends before byte ${offset + into.length}; re-check the content`,
          );
        }
        at += count;
      }
    });
  }

  write(path: FilePath, offset: number, bytes: Uint8Array): void {
    const file = this.#locate(path);
    this.#guard(file.place, () => {
      const fd = this.#descriptor(file, 'write');
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, offset + at);
      if (bytes.length >= START_WRITING_FROM_BYTES) this.#calls.startWriting?.(fd, offset, bytes.length);
    });
  }

  sync(paths: Iterable<FilePath>): void {
    const all = [...paths];
    if (all.length < SYNC_ALL_FROM || !this.#syncAll(all)) {
      for (const path of all) {
        const file = this.#locate(path);
        this.#guard(file.place, () => fdatasyncSync(this.#descriptor(file, 'read')));
      }
      for (const folder of this.#changedFolders) this.#guard(folder, () => withFolder(folder, fsyncSync));
    }
    this.#changedFolders.clear();
  }

  /** @returns false where that cannot be, or when some of it is on another file system */
  #syncAll(paths: readonly FilePath[]): boolean {
    const { syncFileSystem } = this.#calls;
    if (!syncFileSystem) return false;
    return this.#guard(this.#folder, () => {
      const { dev } = statSync(this.#folder);
      const folders = new Set(paths.map((path) => this.#locate(path).folder));
      for (const folder of folders) if (statSync(folder).dev !== dev) return false;
      withFolder(this.#folder, syncFileSystem);
      return true;
    });
  }

  close(): void {
    for (const { fd } of this.#open.values()) closeSync(fd);
    this.#open.clear();
  }

  /** What is only shared may be open for reading only, and need not be ours to write. */
  #descriptor(file: Located, purpose: Purpose): number {
    const { place } = file;
    const open = this.#open.get(place);
    if (open) {
      this.#open.delete(place);
      if (open.isWritable || purpose === 'read') {
        // Put back at the end: used last.
        this.#open.set(place, open);
        return open.fd;
      }
      closeSync(open.fd);
    }
    const isWritable = purpose !== 'read' && !this.#readOnly;
    const { opened } = this.#openFile(file, purpose, isWritable);
    this.#keepOpen(place, opened);
    return opened.fd;
  }

  #keepOpen(place: string, opened: OpenFile): void {
    // One that was there before this one was made, and is gone.
    const former = this.#open.get(place);
    if (former) closeSync(former.fd);
    this.#open.delete(place);
    this.#open.set(place, opened);
    if (this.#open.size <= MAX_OPEN_FILES) return;
    const [[oldestPlace, oldest]] = this.#open;
    this.#open.delete(oldestPlace);
    closeSync(oldest.fd);
  }

  #openIfThere(file: Located): { opened: OpenFile; state: FileState } | undefined {
    try {
      return this.#openFile(file, 'read', false);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  #openFile(file: Located, purpose: Purpose, isWritable: boolean): { opened: OpenFile; state: FileState } {
    const { place, folder } = file;
    const mayCreate = purpose === 'create' || purpose === 'createExecutable';
    if (mayCreate) this.#makeFolders(file);
    else if (!this.#hasFolders(file)) throw missing(place);
    // To open for reading what is no file does no harm, and nobody who reads many files waits for two looks at each.
    if (purpose !== 'read' || !NEVER_FOLLOWS) {
      const there = lstatSync(place, { throwIfNoEntry: false });
      if (there) requireFile(place, there);
      else if (mayCreate) this.#changedFolders.add(folder);
      else throw missing(place);
    }
    const access = isWritable ? constants.O_RDWR : constants.O_RDONLY;
    const mode = modeOf(purpose === 'createExecutable');
    const fd = openSync(place, access | SAFE_FLAGS | (mayCreate ? constants.O_CREAT : 0), mode);
    try {
      // Between looking and opening somebody may have put something else there.
      const stats = fstatSync(fd, { bigint: true });
      requireFile(place, stats);
      return { opened: { fd, isWritable }, state: stateOf(stats) };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** Names of torrents hold no separators: there is nothing to be made normal. */
  #locate(path: FilePath): Located {
    if (this.#last?.path === path) return this.#last;
    const place = this.#inside + path.join(sep);
    const folder = path.length > 1 ? place.slice(0, place.lastIndexOf(sep)) : this.#folder;
    // Strings that were looked up before are found again in half the time.
    this.#last = { path, place, folder: folder === this.#last?.folder ? this.#last.folder : folder };
    return this.#last;
  }

  /** Whether all folders of the path are there; each must be one, not a link to one. */
  #hasFolders({ path, folder }: Located): boolean {
    const now = performance.now();
    if (now - this.#lookedAtMs >= LOOK_MS) {
      this.#forgetFolders();
      this.#lookedAtMs = now;
    }
    if (this.#seenFolders.has(folder)) return true;
    if (this.#missingFolders.has(folder)) return false;
    const isThere = this.#lookForFolders(path);
    (isThere ? this.#seenFolders : this.#missingFolders).add(folder);
    return isThere;
  }

  #lookForFolders(path: FilePath): boolean {
    let folder = this.#folder;
    for (let depth = 0; depth < path.length - 1; depth++) {
      folder = join(folder, path[depth]);
      if (this.#seenFolders.has(folder)) continue;
      const stats = lstatSync(folder, { throwIfNoEntry: false });
      if (!stats) return false;
      if (stats.isSymbolicLink()) throw leadsElsewhere(folder);
      if (!stats.isDirectory())
        throw new FileError('NOT_A_FILE', folder, `${folder} is in the way of a folder; move it away`);
      this.#seenFolders.add(folder);
    }
    return true;
  }

  #makeFolders(file: Located): void {
    // Where something is to be made, what was missing may be a link now.
    this.#missingFolders.clear();
    if (this.#hasFolders(file)) return;
    this.#missingFolders.clear();
    let folder = this.#folder;
    for (const name of file.path.slice(0, -1)) {
      const inside = join(folder, name);
      if (!lstatSync(inside, { throwIfNoEntry: false })) {
        mkdirSync(inside);
        this.#changedFolders.add(folder);
      }
      folder = inside;
    }
  }

  #forgetFolders(): void {
    this.#seenFolders.clear();
    this.#missingFolders.clear();
  }

  #guard<Result>(place: string, act: () => Result): Result {
    try {
      return act();
    } catch (error) {
      this.#forgetFolders();
      throw fileError(place, error);
    }
  }
}

/** The system says ENOENT of a new folder where nobody can make any: in /proc, for one. */
function makeDownloadFolder(folder: string): void {
  try {
    makeFolder(folder);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new FileError('UNWRITABLE', folder, `${folder} cannot be made; choose another folder`, { cause });
  }
}

function readAnyway(fd: number, into: Uint8Array, offset: number): number {
  return readSync(fd, into, 0, into.length, offset);
}

type Purpose = 'read' | 'write' | 'create' | 'createExecutable';

/** A file of the content, and where it is on this system. */
interface Located {
  readonly path: FilePath;
  readonly place: string;
  /** That it lies in. */
  readonly folder: string;
}

interface OpenFile {
  readonly fd: number;
  readonly isWritable: boolean;
}

/** No link at the end, and no waiting for who writes into a pipe that lies there. Windows has neither. */
const NEVER_FOLLOWS = constants.O_NOFOLLOW !== undefined && constants.O_NONBLOCK !== undefined;
const SAFE_FLAGS = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** What the user's umask leaves of it. */
function modeOf(executable: boolean): number {
  return executable ? 0o777 : 0o666;
}

/** Opens a file that this very call makes: nobody else's, and a regular one. @returns undefined: something is there */
function openNew(place: string, executable: boolean): number | undefined {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | SAFE_FLAGS;
  try {
    return openSync(place, flags, modeOf(executable));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw error;
  }
}

/** Folders cannot be opened on Windows, which writes their entries in order anyway. */
function withFolder(folder: string, act: (fd: number) => void): void {
  if (process.platform === 'win32') return;
  const fd = openSync(folder, constants.O_RDONLY);
  try {
    act(fd);
  } finally {
    closeSync(fd);
  }
}

function requireFile(place: string, stats: { isFile(): boolean; isSymbolicLink(): boolean }): void {
  if (stats.isSymbolicLink()) throw leadsElsewhere(place);
  if (!stats.isFile()) throw new FileError('NOT_A_FILE', place, `${place} is no regular file; move it away`);
}

function stateOf({ size, mtimeNs }: { size: bigint; mtimeNs: bigint }): FileState {
  return { bytes: Number(size), changed: String(mtimeNs) };
}

function leadsElsewhere(place: string): FileError {
  return new FileError('LEADS_ELSEWHERE', place, `${place} is a link, which is not followed; move it away`);
}

function missing(place: string): FileError {
  return new FileError('MISSING', place, `${place} is not there any more; put it back, or re-check the content`);
}

function fileError(place: string, error: unknown): FileError {
  if (error instanceof FileError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const [ours, advice] = MEANINGS[code ?? ''] ?? ['FILE_FAILED', 'check the disk'];
  return new FileError(ours, place, `${place}: ${message}; ${advice}`, { cause: error });
}

const UNWRITABLE: [FileErrorCode, string] = ['UNWRITABLE', 'make the folder writable for this user, or choose another'];
const FULL: [FileErrorCode, string] = ['DISK_FULL', 'free space on the disk, then resume'];
const MEANINGS: Readonly<Record<string, [FileErrorCode, string]>> = {
  EACCES: UNWRITABLE,
  EPERM: UNWRITABLE,
  EROFS: UNWRITABLE,
  ENOSPC: FULL,
  EDQUOT: FULL,
  EFBIG: ['DISK_FULL', 'the file system cannot hold a file of that size; choose another'],
  ENOENT: ['MISSING', 'put it back, or re-check the content'],
  ELOOP: ['LEADS_ELSEWHERE', 'links are not followed; move it away'],
  ENOTDIR: ['NOT_A_FILE', 'a file is in the way of a folder; move it away'],
  // A socket.
  ENXIO: ['NOT_A_FILE', 'it is no regular file; move it away'],
  EISDIR: ['NOT_A_FILE', 'a folder is in the way of a file; move it away'],
  EEXIST: ['NOT_A_FILE', 'a file is in the way of a folder; move it away'],
};
