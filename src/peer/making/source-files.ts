import { lstat, readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { MAX_FILES } from '../../bittorrent/content-layout.ts';
import type { SourceFile } from '../../bittorrent/metainfo-create.ts';
import { MAX_PATH_NAMES } from '../../bittorrent/torrent-paths.ts';

export type SourceErrorCode =
  | 'NOT_FOUND'
  | 'NOT_READABLE'
  | 'EMPTY'
  | 'TOO_MANY_FILES'
  | 'TOO_DEEP'
  | 'CHANGED'
  | 'ABORTED';

/** What is to be shared cannot be. The message names it and says what to do. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  readonly code: SourceErrorCode;

  constructor(code: SourceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export interface Source {
  /** Of the torrent: the last name of the path. */
  readonly name: string;
  /** In which the file or folder `name` lies. */
  readonly folder: string;
  /** Sorted by path, so that equal folders make equal torrents. */
  readonly files: readonly SourceFile[];
}

/**
 * The files to be shared: `path` itself, or all below it. Links and what is no regular file are left out, as who downloads
 * could not make them.
 * @throws {SourceError}
 */
export async function findSource(path: string): Promise<Source> {
  const whole = resolve(path);
  const stats = await lstat(whole).catch((cause) => {
    throw new SourceError('NOT_FOUND', `${path} cannot be shared: ${reasonOf(cause)}`, { cause });
  });
  const source = { name: basename(whole), folder: dirname(whole) };
  if (stats.isFile())
    return { ...source, files: [{ path: [], length: stats.size, executable: isExecutable(stats.mode) }] };
  if (!stats.isDirectory()) {
    throw new SourceError(
      'NOT_FOUND',
      `${path} cannot be shared: it is neither a file nor a folder, or a link to one; give the path that the link leads to`,
    );
  }
  const files: SourceFile[] = [];
  await collect(whole, [], files);
  if (files.length === 0)
    throw new SourceError(
      'EMPTY',
      `${path} cannot be shared: there is no file in it that could be (links are left out)`,
    );
  return { ...source, files: files.sort(byPath) };
}

async function collect(folder: string, path: readonly string[], files: SourceFile[]): Promise<void> {
  if (path.length >= MAX_PATH_NAMES) {
    throw new SourceError('TOO_DEEP', `${folder} is more than ${MAX_PATH_NAMES} folders deep; share a part of it`);
  }
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause) => {
    throw new SourceError('NOT_READABLE', `${folder} cannot be read: ${reasonOf(cause)}`, { cause });
  });
  for (const entry of entries) {
    const place = join(folder, entry.name);
    if (entry.isDirectory()) await collect(place, [...path, entry.name], files);
    if (!entry.isFile()) continue;
    if (files.length >= MAX_FILES) {
      throw new SourceError('TOO_MANY_FILES', `there are more than ${MAX_FILES} files; share a part of them`);
    }
    const { size, mode } = await lstat(place);
    files.push({ path: [...path, entry.name], length: size, executable: isExecutable(mode) });
  }
}

function byPath(a: SourceFile, b: SourceFile): number {
  const [one, two] = [a.path.join('/'), b.path.join('/')];
  return one < two ? -1 : one > two ? 1 : 0;
}

/** For its owner; on Windows never. */
function isExecutable(mode: number): boolean {
  return process.platform !== 'win32' && (mode & 0o100) !== 0;
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  return REASONS[code ?? ''] ?? message;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder; is the path right?',
  ENOTDIR: 'there is no such file or folder, as something above it is no folder; is the path right?',
  EACCES: 'this user may not read it; make it readable, or share it as another user',
  EPERM: 'this user may not read it; make it readable, or share it as another user',
};
