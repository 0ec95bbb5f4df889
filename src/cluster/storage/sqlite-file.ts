import { accessSync, closeSync, constants, existsSync, openSync, readSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makeFolder } from './make-folder.ts';

// A SQLite file of ours: created once, recognised ever after, and never opened for what it is not.

/** What a file of one kind looks like. */
export interface SqliteFormat {
  /** For messages: `the log`. */
  readonly what: string;
  /** `PRAGMA application_id`: tells our files from those of other programs. */
  readonly applicationId: number;
  /** `PRAGMA user_version`: a program reads its own version only. */
  readonly version: number;
  /** Creates the tables of an empty file. */
  readonly schema: string;
  /** Set on each connection before anything is read. */
  readonly pragmas: string;
}

export type StorageCode =
  | 'FOREIGN_FILE'
  | 'NEWER_VERSION'
  | 'OLDER_VERSION'
  | 'CORRUPT_FILE'
  | 'UNWRITABLE'
  | 'IN_USE'
  | 'DISK_FULL'
  | 'STORAGE_FAILED';

/** A file cannot be opened, read or written. The message names it and says what to do. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly code: StorageCode;
  readonly path: string;
  constructor(code: StorageCode, path: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.path = path;
  }
}

/**
 * Opens `path` for writing; creates it, and its folder, when there is none. The journal is a WAL.
 * @throws {StorageError}
 */
export function openSqliteFile(path: string, format: SqliteFormat): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    makeFolder(dirname(path));
    // SQLite opens what it may only read without complaint, or fails later with a vague error.
    accessSync(dirname(path), constants.W_OK);
    if (existsSync(path)) {
      accessSync(path, constants.R_OK | constants.W_OK);
      refuseOtherFiles(path, format);
    }
    db = new DatabaseSync(path);
    db.exec(format.pragmas);
    if (isEmpty(db)) create(db, format);
    checkFormat(db, path, format);
    db.exec('PRAGMA journal_mode = WAL');
    return db;
  } catch (error) {
    closeQuietly(db);
    throw storageError(path, format.what, error);
  }
}

/**
 * Opens `path` for reading beside the connection that writes it.
 * @throws {StorageError}
 */
export function openSqliteReader(path: string, format: SqliteFormat): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { readOnly: true, timeout: READER_TIMEOUT_MS });
    checkFormat(db, path, format);
    return db;
  } catch (error) {
    closeQuietly(db);
    throw storageError(path, format.what, error);
  }
}

/** What a failure of SQLite or of the file system means for whoever runs the instance. */
export function storageError(path: string, what: string, error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const { code, advice } = diagnose(error);
  return new StorageError(code, path, `${what} at ${path}: ${reason}; ${advice}`, { cause: error });
}

/** Damage that SQLite did not see itself, as an error like those of SQLite. */
export function corruption(reason: string): Error {
  return Object.assign(new Error(reason), { errcode: SQLITE_CORRUPT });
}

/** Closing a connection that has already failed may fail again; the first failure is the one to report. */
export function closeQuietly(db: DatabaseSync | undefined): void {
  try {
    db?.close();
  } catch {
    // Nothing more can be lost: every transaction either committed before or never will.
  }
}

/** A reader meets a lock only while the first connection recovers the WAL. */
const READER_TIMEOUT_MS = 5_000;
const SQLITE_MAGIC = 'SQLite format 3\0';

// Primary result codes of SQLite (sqlite.org/rescode.html).
const SQLITE_PERM = 3;
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_READONLY = 8;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_NOTADB = 26;
/** An extended code: the index of the WAL, a file beside it, could not be made larger. */
const SQLITE_IOERR_SHMSIZE = 4874;

function diagnose(error: unknown): { code: StorageCode; advice: string } {
  const { errcode, code } = (error ?? {}) as { errcode?: number; code?: string };
  switch (errcode === undefined ? undefined : errcode & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return { code: 'IN_USE', advice: 'another instance uses this data folder: stop it, or give this one its own' };
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return UNWRITABLE;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {
        code: 'CORRUPT_FILE',
        advice:
          'the file is damaged: move the whole data folder away and start again with an empty one, or restore a copy',
      };
    case SQLITE_FULL:
      return FULL;
  }
  if (errcode === SQLITE_IOERR_SHMSIZE || code === 'ENOSPC' || code === 'EDQUOT') return FULL;
  if (code !== undefined && REFUSALS.has(code)) return UNWRITABLE;
  return { code: 'STORAGE_FAILED', advice: 'check the disk, then start again' };
}

/**
 * What the file system says of a folder that cannot be made or written; ENOENT is `mkdir` on a read-only disk, EISDIR a
 * folder in the place of the file.
 */
const REFUSALS = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EISDIR', 'EEXIST', 'ENOENT']);
const UNWRITABLE = {
  code: 'UNWRITABLE',
  advice: 'make the folder and its files writable for this user, or choose another data folder',
} as const;
const FULL = { code: 'DISK_FULL', advice: 'free space on the disk, then start again' } as const;

/** SQLite writes into a file that it takes for an empty database; everything else must announce itself. */
function refuseOtherFiles(path: string, format: SqliteFormat): void {
  const head = Buffer.alloc(SQLITE_MAGIC.length);
  const fd = openSync(path, 'r');
  let length: number;
  try {
    length = readSync(fd, head);
  } finally {
    closeSync(fd);
  }
  if (length === 0 || head.toString('latin1') === SQLITE_MAGIC) return;
  throw new StorageError(
    'FOREIGN_FILE',
    path,
    `${format.what} at ${path} is no SQLite database: the file belongs to another program, or its first bytes are damaged; ` +
      'choose another data folder, or restore a copy',
  );
}

function isEmpty(db: DatabaseSync): boolean {
  return pragmaNumber(db, 'application_id') === 0 && db.prepare('SELECT 1 FROM sqlite_schema').get() === undefined;
}

function create(db: DatabaseSync, format: SqliteFormat): void {
  db.exec('PRAGMA journal_mode = WAL');
  db.exec('BEGIN IMMEDIATE');
  // Another process may have created it since.
  if (isEmpty(db)) {
    db.exec(`${format.schema}
      PRAGMA application_id = ${format.applicationId};
      PRAGMA user_version = ${format.version};`);
  }
  db.exec('COMMIT');
}

function checkFormat(db: DatabaseSync, path: string, format: SqliteFormat): void {
  if (pragmaNumber(db, 'application_id') !== format.applicationId) {
    throw new StorageError(
      'FOREIGN_FILE',
      path,
      `${format.what} at ${path} is a SQLite database of another program; choose another data folder`,
    );
  }
  const version = pragmaNumber(db, 'user_version');
  if (version === format.version) return;
  throw new StorageError(
    version > format.version ? 'NEWER_VERSION' : 'OLDER_VERSION',
    path,
    `${format.what} at ${path} has format ${version} and this program reads format ${format.version}; ` +
      `${version > format.version ? 'upgrade the program' : 'use the program that wrote it'}, or choose another data folder`,
  );
}

function pragmaNumber(db: DatabaseSync, name: string): number {
  return Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0] as number;
}
