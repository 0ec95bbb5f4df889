import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';

// What the system has of files in memory, which Node has no functions for. Only imported on Linux.

const libc = koffi.load(null);
const preadv2: (fd: number, vector: Uint8Array, count: number, offset: number, flags: number) => number = libc.func(
  'intptr_t preadv2(int fd, const void *vector, int count, int64_t offset, int flags)',
);

const RWF_NOWAIT = 8;
/** One `struct iovec`: where, and how much. */
const vector = Buffer.alloc(16);

/**
 * Reads what is in memory of an open file, from `offset` on.
 * @returns the bytes read, 0 at the end of the file
 * @throws an error with the `code` of the system: EAGAIN, the next byte is not in memory; EOPNOTSUPP, this file system cannot tell
 */
export function readCached(fd: number, into: Uint8Array, offset: number): number {
  vector.writeBigUInt64LE(koffi.address(into), 0);
  vector.writeBigUInt64LE(BigInt(into.length), 8);
  const count = preadv2(fd, vector, 1, offset, RWF_NOWAIT);
  if (count >= 0) return count;
  const code = getSystemErrorName(-koffi.errno());
  throw Object.assign(new Error(`${code}: preadv2`), { code });
}

const syscall: (number: number, fd: number, range: BigUint64Array, found: BigUint64Array, flags: number) => number =
  libc.func('intptr_t syscall(intptr_t number, intptr_t fd, void *range, void *found, intptr_t flags)');
const sysconf: (name: number) => number = libc.func('intptr_t sysconf(int name)');

/** Of all architectures; since Linux 6.5. */
const CACHESTAT = 451;
const SC_PAGESIZE = 30;
const pageBytes = sysconf(SC_PAGESIZE);
/** `struct cachestat_range`: from where, how much. */
const range = new BigUint64Array(2);
/** `struct cachestat`: first the pages in memory. */
const found = new BigUint64Array(5);

/** Whether the system has all of these bytes of an open file in memory. @returns false also where it cannot tell */
export function isCached(fd: number, offset: number, bytes: number): boolean {
  range[0] = BigInt(offset);
  range[1] = BigInt(bytes);
  if (syscall(CACHESTAT, fd, range, found, 0) !== 0) return false;
  const pages = Math.floor((offset + bytes - 1) / pageBytes) - Math.floor(offset / pageBytes) + 1;
  return Number(found[0]) === pages;
}
