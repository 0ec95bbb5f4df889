import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makeFolder } from '../cluster/storage/make-folder.ts';

const LOCK_FILE = 'lock.db';

/** Another process has the folder. */
export class FolderInUseError extends Error {
  override readonly name = 'FolderInUseError';
  readonly code = 'IN_USE';

  constructor(folder: string, cause: unknown) {
    super(`another peer uses ${folder}: stop it, or choose another folder with --data`, { cause });
  }
}

/**
 * Keeps the folder for this process until it releases it or ends, however that happens: the system itself lets go of the lock.
 * @throws {FolderInUseError} and what the system says when the folder cannot be made
 */
export function lockFolder(folder: string): { release(): void } {
  makeFolder(resolve(folder));
  const db = new DatabaseSync(join(folder, LOCK_FILE));
  try {
    db.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    db.close();
    throw new FolderInUseError(folder, cause);
  }
  return { release: () => db.close() };
}
