import { workerData } from 'node:worker_threads';
import { type ContentLayout, pieceBytes } from '../../bittorrent/content-layout.ts';
import { PIECE_HASH_BYTES } from '../../bittorrent/metainfo.ts';
import { answerRequests } from '../store/answer-requests.ts';
import { readContent } from '../store/content-reader.ts';
import { DiskFiles } from '../store/disk-files.ts';
import { sha1OfEach } from '../store/sha1-of-each.ts';

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
const longest = Math.min(layout.pieceLength, layout.size);
/** For two pieces, which are hashed in little more time than one. */
const scratches = [new Uint8Array(longest), new Uint8Array(longest)];

answerRequests(({ first, end }: HashRequest): Uint8Array => {
  const hashes = new Uint8Array((end - first) * PIECE_HASH_BYTES);
  for (let piece = first; piece < end; piece += scratches.length) {
    const pieces = scratches.slice(0, end - piece).map((scratch, i) => {
      const bytes = scratch.subarray(0, pieceBytes(layout, piece + i));
      readContent(layout.files, files, (piece + i) * layout.pieceLength, bytes);
      return bytes;
    });
    for (const [i, digest] of sha1OfEach(pieces).entries()) {
      hashes.set(digest, (piece + i - first) * PIECE_HASH_BYTES);
    }
  }
  return hashes;
});
