import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib';
import type { StageOutcome } from '../consensus/events.ts';
import type { RestoredSnapshot } from '../log-server.ts';

/**
 * Snapshots of the state machine as files of the data folder: made here for others, or received from the master.
 *
 * What travels is the state machine's own file, compressed (zstd), with the SHA-256 of the compressed bytes at its end. A piece
 * is any range of these bytes, so a transfer continues where it broke.
 *
 * | file                | what it is                                                  |
 * |---------------------|-------------------------------------------------------------|
 * | `making`            | what the state machine writes                               |
 * | `made-<index>`      | the same, ready to travel                                   |
 * | `incoming`          | the pieces received so far                                  |
 * | `received-<index>`  | a state machine's file, whole and checked                   |
 *
 * At most one of each is kept. Only a received one outlives a restart, and only when the log begins behind it: until the tables
 * are made from it, it is all there is of what came before.
 */
export class SnapshotFiles {
  readonly #folder: string;
  #made: { readonly index: number; readonly path: string; readonly bytes: number } | undefined;
  #restored: RestoredSnapshot | undefined;
  #incoming: FileHandle | undefined;

  /** @param baseIndex the entry before the oldest one in the log */
  constructor(dataFolder: string, baseIndex: number) {
    this.#folder = join(dataFolder, SNAPSHOT_FOLDER);
    mkdirSync(this.#folder, { recursive: true });
    const keep = `received-${baseIndex}`;
    for (const name of readdirSync(this.#folder)) if (name !== keep) rmSync(join(this.#folder, name));
    const path = join(this.#folder, keep);
    if (existsSync(path)) this.#restored = { index: baseIndex, path };
  }

  /** The newest one that was received and installed. */
  get restored(): RestoredSnapshot | undefined {
    return this.#restored;
  }

  /** The last entry inside the one that can be read; undefined: none was made. */
  get madeIndex(): number | undefined {
    return this.#made?.index;
  }

  /** @param write makes the state machine's file and says what is inside */
  async make(write: (path: string) => Promise<number>): Promise<number> {
    const making = join(this.#folder, 'making');
    await rm(making, { force: true });
    const index = await write(making);
    const path = join(this.#folder, `made-${index}`);
    const hash = createHash('sha256');
    const hashing = new Transform({
      transform(chunk, _, done) {
        hash.update(chunk);
        done(null, chunk);
      },
      flush(done) {
        done(null, hash.digest());
      },
    });
    const compress = createZstdCompress({
      chunkSize: CHUNK_BYTES,
      params: { [constants.ZSTD_c_compressionLevel]: COMPRESSION_LEVEL },
    });
    await pipeline(createReadStream(making, LARGE_READS), compress, hashing, createWriteStream(path));
    await rm(making);
    const former = this.#made;
    this.#made = { index, path, bytes: (await stat(path)).size };
    if (former !== undefined && former.path !== path) await rm(former.path, { force: true });
    return index;
  }

  /** @returns null: there is no such snapshot (any more) */
  async read(index: number, offset: number, maxBytes: number): Promise<{ data: Uint8Array; last: boolean } | null> {
    const made = this.#made;
    if (made === undefined || made.index !== index || offset > made.bytes) return null;
    const file = await open(made.path);
    try {
      const data = new Uint8Array(Math.min(maxBytes, made.bytes - offset));
      const { bytesRead } = await file.read(data, 0, data.length, offset);
      return bytesRead === data.length ? { data, last: offset + data.length === made.bytes } : null;
    } finally {
      await file.close();
    }
  }

  /** Puts a piece aside. Calls must not overlap. With the last one the file is checked, unpacked and synced. */
  async stage(index: number, offset: number, data: Uint8Array, last: boolean): Promise<StageOutcome> {
    const path = join(this.#folder, 'incoming');
    if (offset === 0) {
      await this.#incoming?.close();
      this.#incoming = await open(path, 'w');
    }
    if (this.#incoming === undefined) return 'corrupt';
    await this.#incoming.write(data, 0, data.length, offset);
    if (!last) return 'partial';
    await this.#incoming.close();
    this.#incoming = undefined;
    const whole = await this.#unpack(path, offset + data.length, `received-${index}`);
    await rm(path, { force: true });
    return whole ? 'complete' : 'corrupt';
  }

  /** The log begins behind that snapshot now. */
  installed(index: number): RestoredSnapshot {
    const former = this.#restored;
    this.#restored = { index, path: join(this.#folder, `received-${index}`) };
    if (former !== undefined && former.index !== index) rmSync(former.path, { force: true });
    return this.#restored;
  }

  async #unpack(path: string, bytes: number, name: string): Promise<boolean> {
    const end = bytes - HASH_BYTES;
    if (end <= 0) return false;
    const hash = createHash('sha256');
    await pipeline(createReadStream(path, { ...LARGE_READS, end: end - 1 }), hash);
    const expected = Buffer.concat(await createReadStream(path, { start: end }).toArray());
    if (!hash.digest().equals(expected)) return false;
    const target = join(this.#folder, name);
    await pipeline(
      createReadStream(path, { ...LARGE_READS, end: end - 1 }),
      createZstdDecompress({ chunkSize: CHUNK_BYTES }),
      createWriteStream(`${target}.part`, { flush: true }),
    );
    await rename(`${target}.part`, target);
    const folder = await open(this.#folder);
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
    return true;
  }
}

export const SNAPSHOT_FOLDER = 'snapshots';
const HASH_BYTES = 32;
/** Tables hardly get smaller at higher levels, and the machine has clients to answer. */
const COMPRESSION_LEVEL = 1;
/** Large enough that streams cost little beside what flows through them, small enough that keepalives never wait for one. */
const CHUNK_BYTES = 1 << 20;
const LARGE_READS = { highWaterMark: CHUNK_BYTES };
