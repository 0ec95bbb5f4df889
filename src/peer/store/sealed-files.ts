import type { ContentFile } from '../../bittorrent/content-layout.ts';
import { FileError, type FileLayer, type FilePath, type FileState } from './file-layer.ts';

/** A file that is read is looked at so often at most: nobody is sent what is wrong for longer. */
export const LOOK_MS = 100;

/** What the files of a content that are not empty were when they were sealed, in their order; undefined: it could not be seen. */
export type SealedStates = readonly (FileState | undefined)[];

interface Sealed {
  readonly state: FileState | undefined;
  lookedAtMs: number;
}

/**
 * The files of a content as they are read for others. Once it is complete they are sealed: a file that somebody changes or
 * takes away after that is not sent any more, where others would get what they cannot use and ban us for it.
 */
export class SealedFiles {
  /** As the torrent has them. */
  readonly all: readonly ContentFile[];
  readonly #layer: Pick<FileLayer, 'stat' | 'open' | 'read' | 'close'>;
  readonly #now: () => number;
  /** By path; undefined while they may change. */
  #sealed: Map<FilePath, Sealed> | undefined;

  constructor(
    all: readonly ContentFile[],
    layer: Pick<FileLayer, 'stat' | 'open' | 'read' | 'close'>,
    now = () => performance.now(),
  ) {
    this.all = all;
    this.#layer = layer;
    this.#now = now;
  }

  /**
   * From now on each file is to stay as it is, or as it was when others that read the same files sealed them. One that could not be
   * looked at is not read.
   * @returns what they are, for such others
   */
  seal(states?: SealedStates): SealedStates {
    const files = this.all.filter(({ kind, length }) => kind === 'file' && length > 0);
    // What was opened before may not be what lies there now.
    this.#layer.close();
    const sealed = states ?? files.map(({ path }) => this.#stateOf(path));
    this.#sealed = new Map(
      files.map(({ path }, i) => [path, { state: sealed[i], lookedAtMs: Number.NEGATIVE_INFINITY }]),
    );
    return sealed;
  }

  /** They may change: they are checked, or written, by this very peer. */
  unseal(): void {
    // What was opened may have been deleted, and something else be there.
    this.#layer.close();
    this.#sealed = undefined;
  }

  /** @throws {FileError} as `FileLayer.read`; CHANGED */
  read(path: FilePath, offset: number, into: Uint8Array): void {
    this.requireSealed(path);
    this.#layer.read(path, offset, into);
  }

  /** For who reads the same files in a way of its own. @throws {FileError} as `FileLayer.stat`; MISSING, CHANGED */
  requireSealed(path: FilePath): void {
    const sealed = this.#sealed?.get(path);
    if (sealed) this.#look(path, sealed);
  }

  close(): void {
    this.#layer.close();
  }

  #stateOf(path: FilePath): FileState | undefined {
    try {
      return this.#layer.stat(path);
    } catch {
      // Who reads it hears why.
      return undefined;
    }
  }

  #look(path: FilePath, sealed: Sealed): void {
    const now = this.#now();
    if (now - sealed.lookedAtMs < LOOK_MS) return;
    const name = path.join('/');
    const state = this.#layer.open(path) ?? this.#layer.stat(path);
    if (state === undefined) throw new FileError('MISSING', name, `${name} is not there any more; put it back`);
    if (state.bytes !== sealed.state?.bytes || state.changed !== sealed.state.changed) {
      // What was opened is not read when the right one is put back.
      this.#layer.close();
      throw new FileError('CHANGED', name, `${name} was changed by another program; put it back as it was`);
    }
    sealed.lookedAtMs = now;
  }
}
