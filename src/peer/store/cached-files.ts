import type { Content } from '../database.ts';
import { readContent } from './content-reader.ts';
import { DiskFiles } from './disk-files.ts';
import { FileError } from './file-layer.ts';
import { readMetainfo } from './local-metainfo.ts';
import { SealedFiles, type SealedStates } from './sealed-files.ts';

let readCached: typeof import('./linux-cached-read.ts').readCached | undefined;
let loading: Promise<void> | undefined;

/** A content of more files is left to the reading thread: to open and to look at many takes time. */
export const MAX_CACHED_FILES = 100;

/**
 * What the system has in memory of the files of a content, read where it is needed: that costs less than to ask a thread for it.
 * It never waits for a disk. Linux only.
 */
export class CachedFiles {
  readonly #files: SealedFiles;

  /** Whether anything can be read. */
  static get isReady(): boolean {
    return readCached !== undefined;
  }

  /** For the first who sends something: who only fetches a content does without. Where it cannot be had nothing gets ready. */
  static makeReady(): Promise<void> {
    loading ??= import('./linux-cached-read.ts').then(
      (calls) => {
        readCached = calls.readCached;
      },
      () => {},
    );
    return loading;
  }

  /** @returns undefined: it has too many files, or there is no folder */
  static open({ folder, metainfo }: Content): CachedFiles | undefined {
    const { files } = readMetainfo(metainfo).info;
    if (files.length > MAX_CACHED_FILES) return undefined;
    const read = (fd: number, into: Uint8Array, offset: number) => readCached!(fd, into, offset);
    try {
      return new CachedFiles(new SealedFiles(files, new DiskFiles({ folder, readOnly: true, calls: { read } })));
    } catch (error) {
      if (error instanceof FileError) return undefined;
      throw error;
    }
  }

  private constructor(files: SealedFiles) {
    this.#files = files;
  }

  /** @returns false when some of it is not in memory, or cannot be read: whoever asks the disk learns why */
  read(offset: number, into: Uint8Array): boolean {
    if (!readCached) return false;
    try {
      readContent(this.#files.all, this.#files, offset, into);
      return true;
    } catch (error) {
      if (error instanceof FileError) return false;
      throw error;
    }
  }

  /** As `SealedFiles.seal`. */
  seal(): SealedStates {
    return this.#files.seal();
  }

  unseal(): void {
    this.#files.unseal();
  }

  close(): void {
    this.#files.close();
  }
}
