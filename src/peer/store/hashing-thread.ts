import { pieceBytes } from '../../bittorrent/content-layout.ts';
import type { TorrentInfo } from '../../bittorrent/metainfo.ts';
import { answerRequests } from './answer-requests.ts';
import { readContent } from './content-reader.ts';
import { DiskFiles } from './disk-files.ts';
import { FileError } from './file-layer.ts';
import { readMetainfo } from './local-metainfo.ts';
import { isPieceRight } from './piece-hash.ts';
import type { HashRequest } from './storage-messages.ts';

// A thread that hashes pieces: those that arrived, in memory, and those that lie on the disk.

interface OpenContent {
  readonly info: TorrentInfo;
  readonly files: DiskFiles;
}

const open = new Map<string, OpenContent>();
/** For what is read; as long as the longest piece so far. */
let scratch = new Uint8Array(0);

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
  return isPieceRight(info, piece, bytes);
}

answerRequests((request: HashRequest): unknown => {
  const { type, sha1 } = request;
  if (type === 'openFiles') {
    const { info } = readMetainfo(request.metainfo);
    open.set(sha1, { info, files: new DiskFiles({ folder: request.folder, readOnly: true }) });
    return undefined;
  }
  const content = open.get(sha1);
  if (!content) throw Object.assign(new Error(`the content ${sha1} is not open`), { code: 'NOT_OPEN' });
  if (type === 'verify') return isPieceRight(content.info, request.piece, request.bytes);
  if (type === 'check') return isThere(content, request.piece);
  content.files.close();
  if (type === 'closeFiles') open.delete(sha1);
  return undefined;
});
