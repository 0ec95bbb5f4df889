import { createCipheriv, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { makeTorrent } from '../../src/peer/making/make-torrent.ts';

/** Files of the content of small ones, and how many lie in one folder. */
export const SMALL_FILES = 10_000;
const FILES_PER_FOLDER = 100;
const CHUNK_BYTES = 1024 * 1024;

/** What is transferred: one file or a folder, in `folder`, and its torrent, the same for all systems. */
export interface BenchContent {
  readonly name: string;
  readonly bytes: number;
  readonly folder: string;
  readonly torrent: string;
  readonly trackerUrl: string;
  readonly isFolder: boolean;
}

/** Random bytes as fast as a disk takes them. */
function* randomChunks(bytes: number): Generator<Uint8Array> {
  const cipher = createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16));
  const zeros = new Uint8Array(CHUNK_BYTES);
  for (let left = bytes; left > 0; left -= CHUNK_BYTES)
    yield cipher.update(zeros.subarray(0, Math.min(left, CHUNK_BYTES)));
}

export async function makeFile(folder: string, bytes: number, trackerUrl: string): Promise<BenchContent> {
  mkdirSync(folder, { recursive: true });
  const name = `${bytes}-bytes`;
  const fd = openSync(join(folder, name), 'w');
  for (const chunk of randomChunks(bytes)) writeSync(fd, chunk);
  fsyncSync(fd);
  closeSync(fd);
  return torrentOf({ folder, name, bytes, trackerUrl, isFolder: false });
}

/** As many bytes in SMALL_FILES files of one length. */
export async function makeSmall(folder: string, bytes: number, trackerUrl: string): Promise<BenchContent> {
  const length = Math.floor(bytes / SMALL_FILES);
  for (let first = 0; first < SMALL_FILES; first += FILES_PER_FOLDER) {
    const inside = join(folder, 'small', `folder-${first / FILES_PER_FOLDER}`);
    mkdirSync(inside, { recursive: true });
    for (let i = 0; i < FILES_PER_FOLDER; i++) {
      writeFileSync(join(inside, `file-${i}`), Buffer.concat([...randomChunks(length)]));
    }
  }
  return torrentOf({ folder, name: 'small', bytes: length * SMALL_FILES, trackerUrl, isFolder: true });
}

async function torrentOf(content: Omit<BenchContent, 'torrent'>): Promise<BenchContent> {
  const { folder, name, trackerUrl } = content;
  const { metainfo } = await makeTorrent(join(folder, name), { trackers: [[trackerUrl]] });
  const torrent = join(folder, `${name}.torrent`);
  writeFileSync(torrent, metainfo);
  return { ...content, torrent };
}
