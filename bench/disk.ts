/** What the data directory stands on: durable figures mean nothing without it. */
import { execFileSync } from 'node:child_process';
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { median } from './median.ts';

const PROBES = 64;
const PROBE_BYTES = 4096;

export interface Disk {
  filesystem: string;
  /** Median time to append 4 KiB and make it durable. */
  fdatasyncMs: number;
}

export class DiskNotDurableError extends Error {
  readonly code = 'BENCH_DISK_NOT_DURABLE';
}

/** @throws DiskNotDurableError when the directory is kept in memory, where fsync costs nothing. */
export function probeDisk(directory: string): Disk {
  const mounts = execFileSync('findmnt', ['-no', 'FSTYPE', '-T', directory], { encoding: 'utf8' });
  const filesystem = mounts.trim().split('\n').at(-1)!;
  if (filesystem === 'tmpfs' || filesystem === 'ramfs') {
    throw new DiskNotDurableError(
      `${directory} is on ${filesystem}, in memory; name a directory on a disk with --data`,
    );
  }
  return { filesystem, fdatasyncMs: measureFdatasync(join(directory, 'fdatasync-probe')) };
}

export function diskLine({ filesystem, fdatasyncMs }: Disk): string {
  return `data on ${filesystem}, fdatasync of 4 KiB: ${fdatasyncMs.toFixed(2)} ms (median)`;
}

function measureFdatasync(path: string): number {
  const file = openSync(path, 'w');
  try {
    const block = Buffer.alloc(PROBE_BYTES, 1);
    const times = Array.from({ length: PROBES }, () => {
      const began = performance.now();
      writeSync(file, block);
      fdatasyncSync(file);
      return performance.now() - began;
    });
    return median(times);
  } finally {
    closeSync(file);
    rmSync(path);
  }
}
