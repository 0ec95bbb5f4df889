import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { type FileHandle, open, rename, rm, statfs } from 'node:fs/promises';
import { join, parse } from 'node:path';
import type { Readable } from 'node:stream';
import { checkPath, MAX_NAME_BYTES, TorrentPathError } from '../../bittorrent/torrent-paths.ts';
import { LOCAL_PATHS } from '../../peer/store/local-paths.ts';
import { ApiError } from '../api-errors.ts';

/** What uploads leave free on their disk, bytes. */
export const RESERVE_BYTES = 64 * 1024 * 1024;
/** Numbers that are tried for a name that is taken. */
export const MAX_SAME_NAME = 1_000;
/** A longer one is a part of the name, characters. */
const LONGEST_ENDING = 16;
/** Below the folder, on the same file system; hidden, so that it is not taken for an upload. */
const UNFINISHED = '.swarmkeeper-unfinished';

/** Where files go that are uploaded to be shared. A file is there under its name when all of it is, or not at all. */
export class UploadFolder {
  /** Absolute. */
  readonly path: string;
  readonly #unfinished: string;
  /** Bytes that uploads under way are still to write. */
  #expected = 0;

  /** Made when it is not there; what an earlier run did not finish is removed. */
  constructor(path: string) {
    this.path = path;
    this.#unfinished = join(path, UNFINISHED);
    mkdirSync(path, { recursive: true });
    rmSync(this.#unfinished, { recursive: true, force: true });
  }

  /**
   * Writes an upload; one of a name that is taken gets a number. Resolves with its path, when it is on the disk.
   * @param size its bytes: more or less than these are refused
   * @param progress is told how many are there
   * @throws {ApiError} BAD_NAME, NO_ROOM, INCOMPLETE, ABORTED; whatever the system says of the disk
   */
  async receive(
    name: string,
    size: number,
    body: Readable,
    signal: AbortSignal,
    progress: (bytes: number) => void,
  ): Promise<string> {
    checkName(name);
    await this.#checkRoom(size);
    const part = join(this.#unfinished, randomUUID());
    const calledOff = () => new ApiError(409, 'ABORTED', `the upload of ${JSON.stringify(name)} was called off`);
    if (signal.aborted) throw calledOff();
    const stop = () => body.destroy(calledOff());
    signal.addEventListener('abort', stop, { once: true });
    let left = size;
    this.#expected += left;
    try {
      mkdirSync(this.#unfinished, { recursive: true });
      const file = await open(part, 'wx');
      try {
        for await (const bytes of body as AsyncIterable<Uint8Array>) {
          if (bytes.length > left) throw incomplete(name, size);
          await writeAll(file, bytes);
          left -= bytes.length;
          this.#expected -= bytes.length;
          progress(size - left);
        }
        if (left > 0) throw incomplete(name, size);
        await file.datasync();
      } finally {
        await file.close();
      }
      return await this.#place(part, name);
    } catch (error) {
      await rm(part, { force: true });
      // Of a connection that broke.
      if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') throw incomplete(name, size);
      throw error;
    } finally {
      this.#expected -= left;
      signal.removeEventListener('abort', stop);
    }
  }

  async #checkRoom(size: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.path);
    const room = bavail * bsize - this.#expected - RESERVE_BYTES;
    if (size <= room) return;
    const message = `the file has ${size} bytes, and the disk of ${this.path} has room for ${Math.max(0, room)} more; free some, or share it from where it lies`;
    throw new ApiError(507, 'NO_ROOM', message);
  }

  async #place(part: string, name: string): Promise<string> {
    for (let number = 1; number <= MAX_SAME_NAME; number++) {
      const path = join(this.path, number === 1 ? name : numbered(name, number));
      try {
        // Takes the name, so that no other upload does; the file replaces it in one step.
        await (await open(path, 'wx')).close();
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
        throw error;
      }
      await rename(part, path);
      return path;
    }
    throw new ApiError(
      409,
      'BAD_NAME',
      `there are ${MAX_SAME_NAME} files of the name ${JSON.stringify(name)}; rename it`,
    );
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
}

/** @throws {ApiError} BAD_NAME */
function checkName(name: string): void {
  try {
    checkPath([name], LOCAL_PATHS);
  } catch (error) {
    if (!(error instanceof TorrentPathError)) throw error;
    throw new ApiError(400, 'BAD_NAME', `${JSON.stringify(name)} cannot be the name of a file: ${error.message}`);
  }
  // It could meet what is not an upload.
  if (name.startsWith('.')) throw new ApiError(400, 'BAD_NAME', 'the name of an upload must not begin with a dot');
}

/** `film.mkv` -> `film (2).mkv`, cut to what file systems can hold. */
function numbered(whole: string, number: number): string {
  const { name, ext } = parse(whole);
  const end = ` (${number})${ext.length <= LONGEST_ENDING ? ext : ''}`;
  const room = MAX_NAME_BYTES - Buffer.byteLength(end);
  let cut = ext.length <= LONGEST_ENDING ? name : whole;
  while (Buffer.byteLength(cut) > room) cut = [...cut].slice(0, -1).join('');
  return cut + end;
}

function incomplete(name: string, size: number): ApiError {
  return new ApiError(
    400,
    'INCOMPLETE',
    `the upload of ${JSON.stringify(name)} did not have the ${size} bytes it was to have`,
  );
}
