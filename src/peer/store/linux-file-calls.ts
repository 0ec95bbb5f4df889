import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';

// System calls that Node has no function for. Only imported on Linux.

const libc = koffi.load(null);
const syncfs: (fd: number) => number = libc.func('int syncfs(int fd)');
const fallocate: (fd: number, mode: number, offset: number, length: number) => number = libc.func(
  'int fallocate64(int fd, int mode, int64_t offset, int64_t length)',
);
const syncFileRange: (fd: number, offset: number, length: number, flags: number) => number = libc.func(
  'int sync_file_range(int fd, int64_t offset, int64_t length, unsigned int flags)',
);

const SYNC_FILE_RANGE_WRITE = 2;
/** What a file system that knows no fallocate says. */
const UNSUPPORTED: ReadonlySet<string> = new Set(['EOPNOTSUPP', 'ENOTSUP', 'ENOSYS']);

/**
 * Brings all of the file system of an open file or folder to the disk, with one call for however many files. Since Linux
 * 5.8 it also fails when something could not be written before.
 * @throws an error with the `code` of the system
 */
export function syncFileSystem(fd: number): void {
  if (syncfs(fd) !== 0) throw lastError('syncfs');
}

/**
 * Makes an open file at least that long, with room on the disk for all of it: writing is then half the work for the system, and
 * a full disk is known at once.
 * @returns false where the file system cannot do that
 * @throws an error with the `code` of the system; the file may have got longer
 */
export function preallocate(fd: number, bytes: number): boolean {
  if (fallocate(fd, 0, 0, bytes) === 0) return true;
  const error = lastError('fallocate');
  if (UNSUPPORTED.has(error.code)) return false;
  throw error;
}

/**
 * Has the system begin to write what was just put into a file, and does not wait for it: a later sync has less to do. That the
 * bytes get there is for the sync to say.
 */
export function startWriting(fd: number, offset: number, bytes: number): void {
  syncFileRange(fd, offset, bytes, SYNC_FILE_RANGE_WRITE);
}

function lastError(call: string): Error & { code: string } {
  const code = getSystemErrorName(-koffi.errno());
  return Object.assign(new Error(`${code}: ${call}`), { code });
}
