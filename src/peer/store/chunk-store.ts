import { fileSpans, pieceBytes } from '../../bittorrent/content-layout.ts';
import { formatInfoHash } from '../../bittorrent/info-hash.ts';
import type { TorrentInfo } from '../../bittorrent/metainfo.ts';
import type { FileStamp, PeerDatabase } from '../database.ts';
import { Bitfield } from '../picking/bitfield.ts';
import { readContent } from './content-reader.ts';
import { FileError, type FileLayer } from './file-layer.ts';

/** Chunks become rows together when they have so many bytes; a stop without warning costs no more than these. */
export const GROUP_BYTES = 32 * 1024 * 1024;

export interface ChunkStoreOptions {
  readonly database: PeerDatabase;
  readonly files: FileLayer;
  readonly info: TorrentInfo;
  /** By default GROUP_BYTES. */
  readonly groupBytes?: number;
}

/** A group of chunks did not reach the disk. Their rows were never written; they are not in the store any more. */
export class LostChunksError extends Error {
  override readonly name = 'LostChunksError';
  readonly code = 'CHUNKS_LOST';
  readonly pieces: readonly number[];

  constructor(pieces: readonly number[], cause: unknown) {
    super(`${pieces.length} chunks did not reach the disk: ${(cause as Error).message}`, { cause });
    this.pieces = pieces;
  }
}

/**
 * The chunks of one content, in files and in CHUNK. Every row is true: the bytes it speaks of are on the disk, whenever
 * the process or the power dies. So, in this order:
 *
 * 1. a chunk is verified in memory, then written to its files;
 * 2. at the end of a group its files are synced, then one transaction writes the rows of the whole group;
 * 3. before a file is cut, lengthened or a chunk of it written over, the rows that speak of it are deleted.
 *
 * When it opens, rows are trusted where every file has its length and, after a clean stop, its time of change. What is in
 * doubt stays in TAIL, and out of `have`, until it was hashed (`checked`): the last group after an unclean stop, files that
 * somebody changed, and, where there is no row at all yet, files that were there before.
 */
export class ChunkStore {
  /** Chunks that are there and verified, those of the open group too. */
  readonly have: Bitfield;
  /** Chunks that are to be hashed by `check` before they count. */
  readonly doubtful: Bitfield;
  readonly #database: PeerDatabase;
  readonly #files: FileLayer;
  readonly #info: TorrentInfo;
  readonly #sha1: string;
  readonly #groupBytes: number;
  /** Chunks with a row in CHUNK. */
  readonly #rows: Bitfield;
  /** Written or checked since the last transaction, rows to come. */
  #group: number[] = [];
  #groupSize = 0;
  /** Places of the files that `#group` touches. */
  readonly #dirty = new Set<number>();
  /** The group before: rows in TAIL. */
  #tail: number[] = [];
  /** Files that are known to be there with their length. */
  readonly #ready = new Set<number>();
  #closed = false;

  /**
   * Opens what is there of a content, which the database knows (`saveContent`). Nothing is written to its files.
   * @throws {StorageError} {@link FileError}
   */
  static open(options: ChunkStoreOptions): ChunkStore {
    const store = new ChunkStore(options);
    store.#begin();
    return store;
  }

  private constructor({ database, files, info, groupBytes = GROUP_BYTES }: ChunkStoreOptions) {
    this.#database = database;
    this.#files = files;
    this.#info = info;
    this.#sha1 = formatInfoHash(info.infoHash);
    this.#groupBytes = groupBytes;
    this.have = new Bitfield(info.pieceCount);
    this.doubtful = new Bitfield(info.pieceCount);
    this.#rows = new Bitfield(info.pieceCount);
  }

  /** Bytes that wait for the end of their group. */
  get groupBytes(): number {
    return this.#groupSize;
  }

  /**
   * Writes a chunk whose bytes were verified, and ends the group when it is large enough.
   * @throws {FileError} it could not be written, and is not in the store; TOO_LONG: a longer file is never cut
   * @throws {LostChunksError} the group could not be made durable
   */
  put(piece: number, bytes: Uint8Array): void {
    if (this.have.has(piece)) return;
    if (this.#rows.has(piece)) this.#dropRows([piece]);
    this.doubtful.remove(piece);
    this.#eachSpan(piece, (file, offset, start, end) => {
      this.#makeReady(file);
      this.#files.write(this.#info.files[file].path, offset, bytes.subarray(start, end));
    });
    this.#join(piece);
  }

  /**
   * A chunk was hashed where it lies; it counts when it is right.
   * @throws {FileError} TOO_LONG
   * @throws {LostChunksError}
   */
  checked(piece: number, isRight: boolean): void {
    if (this.have.has(piece)) return;
    this.doubtful.remove(piece);
    if (isRight) {
      // A file that somebody else began may be too short still.
      this.#eachSpan(piece, (file) => this.#makeReady(file));
      this.#join(piece);
    } else if (this.#rows.has(piece)) this.#dropRows([piece]);
  }

  /** Puts all in doubt, for a re-check: `checked` is to be called for each. */
  doubtAll(): void {
    // Whether what waits reaches the disk does not matter: it is looked for there.
    this.#group = [];
    this.#groupSize = 0;
    this.#dirty.clear();
    // What was opened may have been deleted, and something else be there.
    this.#files.close();
    this.#ready.clear();
    for (let piece = 0; piece < this.#info.pieceCount; piece++) {
      this.have.remove(piece);
      this.doubtful.add(piece);
    }
    this.#tail = [];
    this.#database.change(this.#sha1, { addTail: this.#offsets(this.#rows) });
  }

  /**
   * Counts all that is in doubt as right without hashing it, for who has just hashed it: the content was made from these files.
   * @throws {FileError} {@link LostChunksError}
   */
  adopt(): void {
    for (const piece of [...this.doubtful]) {
      this.#eachSpan(piece, (file) => this.#makeReady(file));
      this.doubtful.remove(piece);
      this.#join(piece);
    }
    this.flush();
  }

  /**
   * Reads bytes of the content, pad files being zeros.
   * @throws {FileError}
   */
  read(offset: number, into: Uint8Array): void {
    readContent(this.#info.files, this.#files, offset, into);
  }

  /**
   * Makes files without bytes, which no chunk brings along. Files of other lengths are left alone.
   * @throws {FileError}
   */
  makeEmptyFiles(): void {
    const empty = this.#info.files.filter(({ kind, length }) => kind === 'file' && length === 0);
    const made = empty.filter(
      ({ path, executable }) => this.#files.length(path) === undefined && this.#files.create(path, 0, executable),
    );
    this.#files.sync(made.map(({ path }) => path));
  }

  /**
   * Ends the group: its files are synced, then its rows are written.
   * @throws {LostChunksError} the chunks of the group are not in the store any more
   */
  flush(): void {
    if (this.#group.length === 0) return;
    const group = this.#group;
    const dirty = [...this.#dirty].map((place) => this.#info.files[place]);
    this.#group = [];
    this.#groupSize = 0;
    this.#dirty.clear();
    try {
      this.#files.sync(dirty.map(({ path }) => path));
      // A file that was deleted can still be written and synced by who has it open.
      for (const { path, length } of dirty) this.#requireLength(path, length);
      const offsets = this.#offsets(group);
      this.#database.change(this.#sha1, { addChunks: offsets, removeTail: this.#tail, addTail: offsets });
      this.#tail = offsets;
    } catch (error) {
      // After a failed sync nobody knows what the disk has: that it can be read from the cache proves nothing.
      for (const piece of group) this.have.remove(piece);
      throw new LostChunksError(group, error);
    }
    for (const piece of group) this.#rows.add(piece);
  }

  /**
   * A clean stop: what waits is made durable, and what is in doubt stays so. The database and the files stay open. Can be
   * called twice.
   * @throws {LostChunksError}
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.flush();
    const stamps = new Map<number, FileStamp>();
    for (const [place, file] of this.#info.files.entries()) {
      const state = file.kind === 'file' ? this.#files.stat(file.path) : undefined;
      if (state) stamps.set(place, state);
    }
    this.#database.change(this.#sha1, { clean: stamps, removeTail: this.#tail });
  }

  /** Compares rows, files and the last stop. */
  #begin(): void {
    const { pieceCount, pieceLength } = this.#info;
    const isChunk = (offset: number) => offset % pieceLength === 0 && offset / pieceLength < pieceCount;
    const rows = this.#database.chunks(this.#sha1);
    const tail = this.#database.tail(this.#sha1);
    for (const offset of rows) if (isChunk(offset)) this.#rows.add(offset / pieceLength);
    for (const offset of tail) if (isChunk(offset)) this.doubtful.add(offset / pieceLength);
    const { torn, changed, absent } = this.#compareFiles();
    for (const piece of torn) this.#rows.remove(piece);
    for (let piece = 0; piece < pieceCount; piece++) {
      if (torn.has(piece) || changed.has(piece) || rows.length === 0) this.doubtful.add(piece);
      if (absent.has(piece)) this.doubtful.remove(piece);
      if (this.#rows.has(piece) && !this.doubtful.has(piece)) this.have.add(piece);
    }
    const doubtful = this.#offsets([...this.doubtful].filter((piece) => this.#rows.has(piece)));
    this.#database.change(this.#sha1, {
      removeChunks: rows.filter((offset) => !isChunk(offset) || torn.has(offset / pieceLength)),
      removeTail: tail,
      addTail: doubtful,
      clean: false,
    });
  }

  /** Chunks of which a file has not its length, was changed since the clean stop, or is not there at all. */
  #compareFiles(): Record<'torn' | 'changed' | 'absent', Bitfield> {
    const { files, pieceCount } = this.#info;
    const stamps = this.#database.cleanFiles(this.#sha1);
    const [torn, changed, absent] = [new Bitfield(pieceCount), new Bitfield(pieceCount), new Bitfield(pieceCount)];
    for (const [place, file] of files.entries()) {
      if (file.kind !== 'file' || file.length === 0) continue;
      const state = this.#files.stat(file.path);
      if (state?.bytes === file.length) this.#ready.add(place);
      for (const piece of this.#piecesOf(place)) {
        if (state?.bytes !== file.length) torn.add(piece);
        if (stamps !== undefined && stamps.get(place)?.changed !== state?.changed) changed.add(piece);
        if (state === undefined || state.bytes === 0) absent.add(piece);
      }
    }
    return { torn, changed, absent };
  }

  /** Counts a chunk that is written, or lies where it should, into the group. */
  #join(piece: number): void {
    this.have.add(piece);
    this.#group.push(piece);
    this.#groupSize += pieceBytes(this.#info, piece);
    this.#eachSpan(piece, (file) => this.#dirty.add(file));
    if (this.#groupSize >= this.#groupBytes) this.flush();
  }

  /** Gives a file its length, once its rows are gone: nothing of it can be claimed while it changes. */
  #makeReady(place: number): void {
    if (this.#ready.has(place)) return;
    const { path, length, executable } = this.#info.files[place];
    const rows = this.#piecesOf(place).filter((piece) => this.#rows.has(piece));
    // As good as always it is a new one.
    if (rows.length === 0 && this.#files.create(path, length, executable)) {
      this.#ready.add(place);
      return;
    }
    const bytes = this.#files.length(path);
    if (bytes !== undefined && bytes > length) {
      const name = path.join('/');
      throw new FileError('TOO_LONG', name, `${name} is there and longer than the torrent's file; move it away`);
    }
    if (bytes !== length) {
      this.#dropRows(rows);
      this.#files.resize(path, length, executable);
    }
    this.#ready.add(place);
  }

  #dropRows(pieces: readonly number[]): void {
    if (pieces.length === 0) return;
    const offsets = this.#offsets(pieces);
    this.#database.change(this.#sha1, { removeChunks: offsets, removeTail: offsets });
    for (const piece of pieces) {
      this.#rows.remove(piece);
      this.have.remove(piece);
    }
  }

  #requireLength(path: readonly string[], length: number): void {
    if (this.#files.length(path) === length) return;
    const name = path.join('/');
    throw new FileError('MISSING', name, `${name} was deleted or cut while it was written; re-check the content`);
  }

  /** The spans of a chunk in files on disk: place of the file, offset in it, start and end in the chunk. */
  #eachSpan(piece: number, visit: (place: number, offset: number, start: number, end: number) => void): void {
    const start = this.#offset(piece);
    let at = 0;
    for (const { file, offset, length } of fileSpans(this.#info.files, start, start + pieceBytes(this.#info, piece))) {
      if (this.#info.files[file].kind === 'file') visit(file, offset, at, at + length);
      at += length;
    }
  }

  #piecesOf(place: number): number[] {
    const { offset, length } = this.#info.files[place];
    const first = Math.floor(offset / this.#info.pieceLength);
    const end = Math.ceil((offset + length) / this.#info.pieceLength);
    return Array.from({ length: end - first }, (_, i) => first + i);
  }

  #offset(piece: number): number {
    return piece * this.#info.pieceLength;
  }

  #offsets(pieces: Iterable<number>): number[] {
    return Array.from(pieces, (piece) => this.#offset(piece));
  }
}
