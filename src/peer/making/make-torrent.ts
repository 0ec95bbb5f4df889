import { availableParallelism } from 'node:os';
import type { ContentLayout } from '../../bittorrent/content-layout.ts';
import { PIECE_HASH_BYTES } from '../../bittorrent/metainfo.ts';
import { encodeInfo, encodeMetainfo, planContent } from '../../bittorrent/metainfo-create.ts';
import { workerUrl } from '../../cluster/worker-url.ts';
import { LOCAL_PATHS } from '../store/local-paths.ts';
import { ThreadCalls } from '../store/thread-calls.ts';
import type { HashingOptions, HashRequest } from './hashing-thread.ts';
import { findSource, SourceError } from './source-files.ts';

/** Hashed by a thread before it tells of it. */
const BATCH_BYTES = 16 * 1024 * 1024;
/** More would wait for the disk, or take the machine from whoever sits before it. */
export const MAX_HASHING_THREADS = 4;

export interface MakeTorrentOptions {
  /** By default chosen by the size. */
  readonly pieceLength?: number;
  /** Each file begins a piece (BEP 47). */
  readonly padFiles?: boolean;
  readonly isPrivate?: boolean;
  /** Tiers of URLs (BEP 12). */
  readonly trackers?: readonly (readonly string[])[];
  readonly comment?: string;
  readonly createdBy?: string;
  /** Seconds since 1970. */
  readonly creationDate?: number;
  /** Bytes hashed so far, and of all. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

export interface MadeTorrent {
  /** A torrent file. */
  readonly metainfo: Uint8Array;
  /** Where the content lies: what `DownloadManager.add` calls `folder`. */
  readonly folder: string;
}

/**
 * Makes a torrent of a file or a folder, hashing on threads.
 * @throws {SourceError} {@link TorrentPathError} {@link ContentLayoutError} {@link StoreError} it cannot be made, or a file cannot be
 *   read; CHANGED: a file grew, shrank, came or went meanwhile
 */
export async function makeTorrent(path: string, options: MakeTorrentOptions = {}): Promise<MadeTorrent> {
  const { pieceLength, padFiles = false, isPrivate = false } = options;
  const source = await findSource(path);
  const plan = { paths: LOCAL_PATHS, padFiles, ...(pieceLength === undefined ? {} : { pieceLength }) };
  const layout = planContent(source.name, source.files, plan);
  const hashes = await hashPieces(layout, source.folder, options);
  const after = await findSource(path);
  if (JSON.stringify(after) !== JSON.stringify(source)) {
    throw new SourceError('CHANGED', `${path} was changed while it was hashed; try again when it is at rest`);
  }
  return { metainfo: encodeMetainfo(encodeInfo(layout, hashes, { isPrivate }), options), folder: source.folder };
}

async function hashPieces(layout: ContentLayout, folder: string, options: MakeTorrentOptions): Promise<Uint8Array> {
  const { onProgress, signal } = options;
  const { pieceCount, pieceLength, size } = layout;
  const hashes = new Uint8Array(pieceCount * PIECE_HASH_BYTES);
  // Two at least: they are hashed in little more time than one.
  const batch = Math.max(2, Math.floor(BATCH_BYTES / pieceLength));
  let next = 0;
  let done = 0;
  const work = async (thread: ThreadCalls<HashRequest>) => {
    while (next < pieceCount) {
      if (signal?.aborted) throw new SourceError('ABORTED', 'hashing was called off');
      const first = next;
      const end = Math.min(first + batch, pieceCount);
      next = end;
      hashes.set((await thread.call({ first, end })) as Uint8Array, first * PIECE_HASH_BYTES);
      done = Math.min(size, done + (end - first) * pieceLength);
      onProgress?.(done, size);
    }
  };
  const count = Math.min(MAX_HASHING_THREADS, availableParallelism(), Math.ceil(pieceCount / batch));
  const entry = workerUrl('./hashing-thread', import.meta.url);
  const data: HashingOptions = { layout, folder };
  const threads = Array.from({ length: count }, () => new ThreadCalls<HashRequest>(entry, data));
  try {
    await Promise.all(threads.map(work));
  } finally {
    // Those that work still are of no use when one failed.
    next = pieceCount;
    await Promise.all(threads.map((thread) => thread.end()));
  }
  return hashes;
}
