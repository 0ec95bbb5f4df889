import { type Dirent, realpathSync, statSync } from 'node:fs';
import { lstat, opendir, realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import { ApiError } from '../api-errors.ts';
import { type FolderView, MAX_ENTRIES } from './peer-schemas.ts';

type Entry = FolderView['entries'][number];

/** Sizes that are asked of the system at the same time. */
const LOOKING = 16;

/** What the operator named is no folder that can be read. */
export class ShareFolderError extends Error {
  override readonly name = 'ShareFolderError';
  readonly code = 'NO_SHARE_FOLDER';
}

/**
 * The folder that the operator lets pages share from. A path that leaves it, or leads through a link, even one that stays
 * inside, is answered as one that does not exist: pages learn nothing of what lies elsewhere.
 */
export class ShareFolder {
  /** Absolute, without links. */
  readonly path: string;

  /** @throws {ShareFolderError} */
  constructor(path: string) {
    let reason = 'it is no folder';
    try {
      this.path = realpathSync(path);
      if (statSync(this.path).isDirectory()) return;
    } catch (error) {
      reason = (error as Error).message;
    }
    throw new ShareFolderError(`nothing can be shared from ${path}: ${reason}; name another folder`);
  }

  /**
   * Where an entry lies.
   * @param entry names with slashes; empty for the folder itself
   * @throws {ApiError} NOT_FOUND
   */
  async resolve(entry: string): Promise<string> {
    const wanted = join(this.path, entry);
    const found = await realpath(wanted).catch(() => undefined);
    if (entry.includes('\0') || found !== wanted || !this.contains(found)) throw notFound(entry);
    return found;
  }

  /** Whether an absolute path without links is that of the folder or lies below it. */
  contains(path: string): boolean {
    const way = relative(this.path, path);
    return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
  }

  /** @throws {ApiError} NOT_FOUND it is no folder that can be read */
  async list(entry: string): Promise<FolderView> {
    const folder = await this.resolve(entry);
    const found: Dirent[] = [];
    let isComplete = true;
    try {
      for await (const each of await opendir(folder)) {
        if (each.name.startsWith('.') || !(each.isFile() || each.isDirectory())) continue;
        if (found.length === MAX_ENTRIES) {
          isComplete = false;
          break;
        }
        found.push(each);
      }
    } catch {
      throw notFound(entry);
    }
    return { path: entry, entries: (await this.#entries(folder, found)).sort(byKindAndName), isComplete };
  }

  async #entries(folder: string, found: readonly Dirent[]): Promise<Entry[]> {
    const entries: Entry[] = [];
    let next = 0;
    const look = async () => {
      while (next < found.length) {
        const { name } = found[next++];
        // Gone meanwhile, or of a name that is no text.
        const stats = await lstat(join(folder, name)).catch(() => undefined);
        if (!stats?.isFile() && !stats?.isDirectory()) continue;
        const isFile = stats.isFile();
        entries.push({
          name,
          kind: isFile ? 'file' : 'folder',
          size: isFile ? stats.size : null,
          modified: Math.round(stats.mtimeMs),
        });
      }
    };
    await Promise.all(Array.from({ length: LOOKING }, look));
    return entries;
  }
}

const NAMES = new Intl.Collator('en', { numeric: true });

function byKindAndName(a: Entry, b: Entry): number {
  if (a.kind !== b.kind) return a.kind === 'folder' ? -1 : 1;
  return NAMES.compare(a.name, b.name);
}

function notFound(entry: string): ApiError {
  return new ApiError(404, 'NOT_FOUND', `there is no ${entry === '' ? 'folder' : JSON.stringify(entry)} to share from`);
}
