import { pieceBytes } from '../../bittorrent/content-layout.ts';
import type { TorrentInfo } from '../../bittorrent/metainfo.ts';
import type { Content } from '../database.ts';
import { answerRequests } from './answer-requests.ts';
import { readContent } from './content-reader.ts';
import { DiskFiles } from './disk-files.ts';
import { FileError } from './file-layer.ts';
import { readMetainfo } from './local-metainfo.ts';
import { hasHash, hashOfPiece } from './piece-hash.ts';
import type { HashRequest } from './storage-messages.ts';

// A thread that hashes pieces: those that arrived, in memory, and those that lie on the disk.

interface OpenContent {
  readonly info: TorrentInfo;
  readonly files: DiskFiles;
}

/** Contents that were checked, by their sha1. */
const open = new Map<string, OpenContent>();
/** For what is read; as long as the longest piece so far. */
let scratch = new Uint8Array(0);

function openContent({ sha1, folder, metainfo }: Content): OpenContent {
  const there = open.get(sha1);
  if (there) return there;
  const { info } = readMetainfo(metainfo);
  const content = { info, files: new DiskFiles({ folder, readOnly: true }) };
  open.set(sha1, content);
  return content;
}

/** @throws {FileError} it could not be read, for another reason than that it is not there */
function isThere({ info, files }: OpenContent, piece: number): boolean {
  const length = pieceBytes(info, piece);
  if (scratch.length < length) scratch = new Uint8Array(length);
  const bytes = scratch.subarray(0, length);
  try {
    readContent(info.files, files, piece * info.pieceLength, bytes);
  } catch (error) {
    if (error instanceof FileError && (error.code === 'MISSING' || error.code === 'TOO_SHORT')) return false;
    throw error;
  }
  return hasHash(bytes, hashOfPiece(info, piece));
}

answerRequests((request: HashRequest): unknown => {
  if (request.type === 'verify') return hasHash(request.bytes, request.hash);
  if (request.type === 'openFiles') return void openContent(request);
  const content = open.get(request.sha1);
  if (request.type === 'check') {
    if (!content) throw Object.assign(new Error(`the content ${request.sha1} is not open`), { code: 'NOT_OPEN' });
    return isThere(content, request.piece);
  }
  content?.files.close();
  if (request.type === 'closeFiles') open.delete(request.sha1);
  return undefined;
});
