import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';

// Only imported on Linux.

const syncfs: (fd: number) => number = koffi.load(null).func('int syncfs(int fd)');

/**
 * Brings all of the file system of an open file or folder to the disk, with one call for however many files. Since Linux
 * 5.8 it also fails when something could not be written before.
 * @throws an error with the `code` of the system
 */
export function syncFileSystem(fd: number): void {
  if (syncfs(fd) === 0) return;
  const code = getSystemErrorName(-koffi.errno());
  throw Object.assign(new Error(`${code}: syncfs`), { code });
}
