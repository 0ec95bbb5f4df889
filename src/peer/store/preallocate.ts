import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';

// Only imported on Linux.

const fallocate: (fd: number, mode: number, offset: number, length: number) => number = koffi
  .load(null)
  .func('int fallocate64(int fd, int mode, int64_t offset, int64_t length)');

/**
 * Makes an open file at least that long, with room on the disk for all of it: writing is then half the work for the system, and
 * a full disk is known at once.
 * @returns false where the file system cannot do that
 * @throws an error with the `code` of the system; the file may have got longer
 */
export function preallocate(fd: number, bytes: number): boolean {
  if (fallocate(fd, 0, 0, bytes) === 0) return true;
  const code = getSystemErrorName(-koffi.errno());
  if (code === 'EOPNOTSUPP' || code === 'ENOTSUP' || code === 'ENOSYS') return false;
  throw Object.assign(new Error(`${code}: fallocate`), { code });
}
