import { closeSync, openSync, rmSync, writeSync } from 'node:fs';

const CHUNK_BYTES = 1024 * 1024;

/**
 * Has the system use so much memory for a file, and frees it. Free memory of a virtual machine may have been taken back by the
 * host, and to fetch it again can take longer than a transfer: all systems are to find memory that is at hand.
 */
export function warmMemory(scratchFile: string, bytes: number): void {
  const chunk = new Uint8Array(CHUNK_BYTES);
  const fd = openSync(scratchFile, 'w');
  try {
    for (let written = 0; written < bytes; written += CHUNK_BYTES) writeSync(fd, chunk);
  } finally {
    closeSync(fd);
    rmSync(scratchFile);
  }
}
