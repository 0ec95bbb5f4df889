import { createHash } from 'node:crypto';
import { workerData } from 'node:worker_threads';
import { type ContentLayout, pieceBytes } from '../../bittorrent/content-layout.ts';
import { PIECE_HASH_BYTES } from '../../bittorrent/metainfo.ts';
import { answerRequests } from '../store/answer-requests.ts';
import { readContent } from '../store/content-reader.ts';
import { DiskFiles } from '../store/disk-files.ts';

// A thread that hashes pieces of files that are to be shared.

/** The pieces from `first` to before `end`; their hashes are the answer. */
export interface HashRequest {
  readonly first: number;
  readonly end: number;
}

export interface HashingOptions {
  readonly layout: ContentLayout;
  readonly folder: string;
}

const { layout, folder } = workerData as HashingOptions;
const files = new DiskFiles({ folder, readOnly: true });
const scratch = new Uint8Array(Math.min(layout.pieceLength, layout.size));

answerRequests(({ first, end }: HashRequest): Uint8Array => {
  const hashes = new Uint8Array((end - first) * PIECE_HASH_BYTES);
  for (let piece = first; piece < end; piece++) {
    const bytes = scratch.subarray(0, pieceBytes(layout, piece));
    readContent(layout.files, files, piece * layout.pieceLength, bytes);
    hashes.set(createHash('sha1').update(bytes).digest(), (piece - first) * PIECE_HASH_BYTES);
  }
  return hashes;
});
