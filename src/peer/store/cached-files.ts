import { fileSpans } from '../../bittorrent/content-layout.ts';
import type { Content } from '../database.ts';
import type { FileRange } from '../transport/peer-transport.ts';
import { readContent } from './content-reader.ts';
import { DiskFiles } from './disk-files.ts';
import { FileError } from './file-layer.ts';
import { readMetainfo } from './local-metainfo.ts';
import { SealedFiles, type SealedStates } from './sealed-files.ts';

let calls: typeof import('./linux-cached-read.ts') | undefined;
let loading: Promise<void> | undefined;

/** A content of more files is left to the reading thread: to open and to look at many takes time. */
export const MAX_CACHED_FILES = 100;

/**
 * What the system has in memory of the files of a content, read where it is needed: that costs less than to ask a thread for it.
 * It never waits for a disk. Linux only.
 */
export class CachedFiles {
  readonly #disk: DiskFiles;
  /** The same, with a look at what they are. */
  readonly #files: SealedFiles;

  /** Whether anything can be read. */
  static get isReady(): boolean {
    return calls !== undefined;
  }

  /** For the first who sends something: who only fetches a content does without. Where it cannot be had nothing gets ready. */
  static makeReady(): Promise<void> {
    loading ??= import('./linux-cached-read.ts').then(
      (loaded) => {
        calls = loaded;
      },
      () => {},
    );
    return loading;
  }

  /** @returns undefined: it has too many files, or there is no folder */
  static open({ folder, metainfo }: Content): CachedFiles | undefined {
    const { files } = readMetainfo(metainfo).info;
    if (files.length > MAX_CACHED_FILES) return undefined;
    const read = (fd: number, into: Uint8Array, offset: number) => calls!.readCached(fd, into, offset);
    try {
      const disk = new DiskFiles({ folder, readOnly: true, calls: { read } });
      return new CachedFiles(disk, new SealedFiles(files, disk));
    } catch (error) {
      if (error instanceof FileError) return undefined;
      throw error;
    }
  }

  private constructor(disk: DiskFiles, files: SealedFiles) {
    this.#disk = disk;
    this.#files = files;
  }

  /** @returns false when some of it is not in memory, or cannot be read: whoever asks the disk learns why */
  read(offset: number, into: Uint8Array): boolean {
    if (!calls) return false;
    try {
      readContent(this.#files.all, this.#files, offset, into);
      return true;
    } catch (error) {
      if (error instanceof FileError) return false;
      throw error;
    }
  }

  /**
   * Where bytes lie that are not to be read, but sent from there. The descriptor is good until the next call.
   * @returns undefined when they lie in several files, when some of them are not in memory, and where `read` would return false
   */
  range(offset: number, length: number): FileRange | undefined {
    const [span, ...others] = fileSpans(this.#files.all, offset, offset + length);
    if (!calls || !span || others.length > 0) return undefined;
    const { kind, path } = this.#files.all[span.file];
    if (kind !== 'file') return undefined;
    try {
      this.#files.requireSealed(path);
      const file = this.#disk.descriptor(path);
      return calls.isCached(file, span.offset, length) ? { file, offset: span.offset, length } : undefined;
    } catch (error) {
      if (error instanceof FileError) return undefined;
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
