import { pieceBytes } from '../../bittorrent/content-layout.ts';
import type { TorrentInfo } from '../../bittorrent/metainfo.ts';
import type { Content } from '../database.ts';
import { answerRequests } from './answer-requests.ts';
import { readContent } from './content-reader.ts';
import { DiskFiles } from './disk-files.ts';
import { FileError } from './file-layer.ts';
import { knownInfo } from './known-info.ts';
import { hashOfPiece } from './piece-hash.ts';
import { sha1OfEach } from './sha1-of-each.ts';
import type { ArrivedPiece, HashRequest } from './storage-messages.ts';

// A thread that hashes pieces: those that arrived, in memory, and those that lie on the disk.

interface OpenContent {
  readonly info: TorrentInfo;
  readonly files: DiskFiles;
}

/** Contents that were checked, by their sha1. */
const open = new Map<string, OpenContent>();
/** For what is read, piece by piece of a request; each as long as the longest so far. */
const scratches: Uint8Array[] = [];

function openContent({ sha1, folder, metainfo }: Content): OpenContent {
  const there = open.get(sha1);
  if (there) return there;
  const info = knownInfo({ sha1, metainfo });
  const content = { info, files: new DiskFiles({ folder, readOnly: true }) };
  open.set(sha1, content);
  return content;
}

function areRight(pieces: readonly ArrivedPiece[]): boolean[] {
  const digests = sha1OfEach(pieces.map(({ bytes }) => bytes));
  return pieces.map(({ hash }, i) => Buffer.compare(digests[i], hash) === 0);
}

/** @throws {FileError} one could not be read, for another reason than that it is not there */
function areThere(content: OpenContent, pieces: readonly number[]): boolean[] {
  const read = pieces.map((piece, i) => readPiece(content, piece, i));
  const right = areRight(read.filter((each) => each !== undefined));
  return read.map((each) => each !== undefined && right.shift()!);
}

/** @returns undefined when it is not there */
function readPiece({ info, files }: OpenContent, piece: number, place: number): ArrivedPiece | undefined {
  const length = pieceBytes(info, piece);
  if (!(scratches[place]?.length >= length)) scratches[place] = new Uint8Array(length);
  const bytes = scratches[place].subarray(0, length);
  try {
    readContent(info.files, files, piece * info.pieceLength, bytes);
  } catch (error) {
    if (error instanceof FileError && (error.code === 'MISSING' || error.code === 'TOO_SHORT')) return undefined;
    throw error;
  }
  return { bytes, hash: hashOfPiece(info, piece) };
}

answerRequests((request: HashRequest): unknown => {
  if (request.type === 'verify') return areRight(request.pieces);
  if (request.type === 'openFiles') return void openContent(request);
  const content = open.get(request.sha1);
  if (request.type === 'check') {
    if (!content) throw Object.assign(new Error(`the content ${request.sha1} is not open`), { code: 'NOT_OPEN' });
    return areThere(content, request.pieces);
  }
  content?.files.close();
  if (request.type === 'closeFiles') open.delete(request.sha1);
  return undefined;
});
