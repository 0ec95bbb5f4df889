import { FileError, type FileErrorCode, type FileLayer, type FilePath, type FileState } from './file-layer.ts';

/** What a cut loses or keeps goes by sectors. */
const SECTOR_BYTES = 512;

/** The power is gone; nothing after this happens. */
export class PowerCutError extends Error {
  override readonly name = 'PowerCutError';
}

interface MemoryFile {
  /** As programs see it. */
  bytes: Uint8Array;
  changed: number;
  /** As it was at the last sync; undefined: not yet on the disk at all. */
  durable: Uint8Array | undefined;
}

/**
 * Files in memory whose power can be cut: of what was not synced any part is lost, sector by sector, as the draws say. What
 * was synced stays, and nothing else is certain.
 */
export class PowerCutFiles implements FileLayer {
  readonly #files = new Map<string, MemoryFile>();
  #clock = 0;
  #stepsLeft = Number.POSITIVE_INFINITY;
  /** The next write or sync fails with this. */
  failNext: { readonly method: 'write' | 'sync' | 'resize'; readonly code: FileErrorCode } | undefined;
  syncs = 0;

  /** Lets so many further calls change something; the next one finds no power. */
  cutAfter(steps: number): void {
    this.#stepsLeft = steps;
  }

  /** The power comes back: what the disk holds of it all. */
  restore(random: () => number): void {
    this.#stepsLeft = Number.POSITIVE_INFINITY;
    for (const [name, file] of this.#files) {
      const survived = afterCut(file, random);
      if (survived) this.#files.set(name, { bytes: survived, durable: survived.slice(), changed: ++this.#clock });
      else this.#files.delete(name);
    }
  }

  /** Somebody else puts a file there, or changes it. */
  place(path: FilePath, bytes: Uint8Array): void {
    this.#files.set(path.join('/'), { bytes: bytes.slice(), durable: bytes.slice(), changed: ++this.#clock });
  }

  remove(path: FilePath): void {
    this.#files.delete(path.join('/'));
  }

  content(path: FilePath): Uint8Array | undefined {
    return this.#files.get(path.join('/'))?.bytes;
  }

  open(path: FilePath): FileState | undefined {
    return this.stat(path);
  }

  stat(path: FilePath): FileState | undefined {
    const file = this.#files.get(path.join('/'));
    return file && { bytes: file.bytes.length, changed: String(file.changed) };
  }

  length(path: FilePath): number | undefined {
    return this.stat(path)?.bytes;
  }

  create(path: FilePath, bytes: number): boolean {
    if (this.#files.has(path.join('/'))) return false;
    this.resize(path, bytes);
    return true;
  }

  resize(path: FilePath, bytes: number): void {
    this.#step('resize', path);
    const name = path.join('/');
    const file = this.#files.get(name) ?? { bytes: new Uint8Array(0), durable: undefined, changed: 0 };
    const resized = new Uint8Array(bytes);
    resized.set(file.bytes.subarray(0, bytes));
    file.bytes = resized;
    file.changed = ++this.#clock;
    this.#files.set(name, file);
  }

  read(path: FilePath, offset: number, into: Uint8Array): void {
    const { bytes } = this.#get(path);
    if (offset + into.length > bytes.length) throw failure('TOO_SHORT', path);
    into.set(bytes.subarray(offset, offset + into.length));
  }

  write(path: FilePath, offset: number, bytes: Uint8Array): void {
    const file = this.#get(path);
    if (offset + bytes.length > file.bytes.length) throw new Error('written behind the end');
    this.#step('write', path);
    file.bytes.set(bytes, offset);
    file.changed = ++this.#clock;
  }

  sync(paths: Iterable<FilePath>): void {
    for (const path of paths) {
      const file = this.#get(path);
      this.#step('sync', path);
      this.syncs++;
      file.durable = file.bytes.slice();
    }
  }

  close(): void {}

  #get(path: FilePath): MemoryFile {
    const file = this.#files.get(path.join('/'));
    if (!file) throw failure('MISSING', path);
    return file;
  }

  #step(method: 'write' | 'sync' | 'resize', path: FilePath): void {
    if (this.#stepsLeft <= 0) throw new PowerCutError('the power is cut');
    this.#stepsLeft--;
    const fault = this.failNext;
    if (fault?.method !== method) return;
    this.failNext = undefined;
    throw failure(fault.code, path);
  }
}

/** Undefined: the file is not there. */
function afterCut({ bytes, durable }: MemoryFile, random: () => number): Uint8Array | undefined {
  if (!durable && random() < 0.5) return undefined;
  const before = durable ?? new Uint8Array(0);
  const length = random() < 0.5 ? bytes.length : before.length;
  const survived = new Uint8Array(length);
  for (let at = 0; at < length; at += SECTOR_BYTES) {
    const end = Math.min(at + SECTOR_BYTES, length);
    const changed = !equal(bytes.subarray(at, end), before.subarray(at, end));
    // A sector that nobody changed since the sync cannot be lost.
    const source = !changed || random() < 0.5 ? before : bytes;
    survived.set(source.subarray(at, end), at);
  }
  return survived;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function failure(code: FileErrorCode, path: FilePath): FileError {
  return new FileError(code, path.join('/'), `${path.join('/')}: ${code}`);
}
