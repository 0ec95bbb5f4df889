import { spawnSync } from 'node:child_process';
import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';

// Real faults for tests of everything that keeps files: disks that are full or read-only, bytes that rotted.

const folders: string[] = [];

// Not when its test ends: a hook that was added earlier runs earlier, and what a test has open may still want its files as it closes.
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A folder that is removed when all tests of the file have ended. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'swarmkeeper-'));
  folders.push(folder);
  return folder;
}

export interface SmallDisk {
  readonly folder: string;
  /** From now on nothing can be written. */
  readOnly(): void;
  grow(size: string): void;
}

/**
 * A file system of its own for one test. Where mounting is not permitted the test is skipped, under `CI=true` it fails.
 * @param size as `mount -t tmpfs -o size=` takes it
 */
export function smallDisk(t: TestContext, size: string): SmallDisk | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'swarmkeeper-disk-'));
  t.after(() => {
    spawnSync('umount', ['--lazy', folder]);
    rmSync(folder, { recursive: true, force: true });
  });
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'swarmkeeper-test', folder], {
    encoding: 'utf8',
  });
  if (mounted.status !== 0) {
    const reason = `needs the right to mount a small tmpfs; run it as root: ${mounted.stderr ?? mounted.error}`;
    if (process.env.CI === 'true') throw new Error(reason);
    t.skip(reason);
    return undefined;
  }
  const remount = (options: string) => {
    const result = spawnSync('mount', ['-o', `remount,${options}`, folder], { encoding: 'utf8' });
    if (result.status !== 0) throw new Error(`remount failed: ${result.stderr}`);
  };
  return { folder, readOnly: () => remount('ro'), grow: (to) => remount(`size=${to}`) };
}

const PAGE_BYTES = 4096;

/** Overwrites page `page` (from 1) of a SQLite file with rubbish, if the file has that page. */
export function damagePage(path: string, page: number): void {
  const fd = openSync(path, 'r+');
  try {
    const at = (page - 1) * PAGE_BYTES;
    if (fstatSync(fd).size < at + PAGE_BYTES) return;
    const bytes = Buffer.alloc(PAGE_BYTES);
    readSync(fd, bytes, 0, PAGE_BYTES, at);
    for (let i = 0; i < PAGE_BYTES; i++) bytes[i] ^= 0xa5;
    writeSync(fd, bytes, 0, PAGE_BYTES, at);
  } finally {
    closeSync(fd);
  }
}
