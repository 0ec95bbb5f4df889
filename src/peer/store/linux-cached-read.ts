import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';

// Reading without waiting for the disk, which Node has no function for. Only imported on Linux.

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
