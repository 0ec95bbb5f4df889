import { createHash } from 'node:crypto';
import { pieceBytes } from '../../bittorrent/content-layout.ts';
import { formatInfoHash } from '../../bittorrent/info-hash.ts';
import { parseInfo, type TorrentInfo } from '../../bittorrent/metainfo.ts';
import { encodeInfo, encodeMetainfo, planContent, type SourceFile } from '../../bittorrent/metainfo-create.ts';

/** A made-up content for tests. */
export interface TestContent {
  readonly info: TorrentInfo;
  /** 40 digits. */
  readonly sha1: string;
  readonly metainfo: Uint8Array;
  /** All of it, pad files included. */
  readonly bytes: Uint8Array;
  piece(piece: number): Uint8Array;
  /** The bytes of one file. */
  file(place: number): Uint8Array;
}

const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash('sha1').update(bytes).digest());

/** Files of the given lengths and bytes that no two pieces share; pad files are zeros as they must be. */
export function testContent(
  files: readonly SourceFile[],
  options: {
    readonly pieceLength: number;
    readonly padFiles?: boolean;
    readonly isPrivate?: boolean;
    readonly seed?: number;
  },
): TestContent {
  const layout = planContent('content', files, options);
  const bytes = new Uint8Array(layout.size);
  let state = (options.seed ?? 1) >>> 0;
  for (const { offset, length, kind } of layout.files) {
    if (kind === 'pad') continue;
    for (let at = offset; at < offset + length; at++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      bytes[at] = state >>> 24;
    }
  }
  const piece = (at: number) =>
    bytes.subarray(at * layout.pieceLength, at * layout.pieceLength + pieceBytes(layout, at));
  const hashes = Array.from({ length: layout.pieceCount }, (_, at) => sha1(piece(at)));
  const infoBytes = encodeInfo(layout, new Uint8Array(Buffer.concat(hashes)), {
    isPrivate: options.isPrivate ?? false,
  });
  const info = parseInfo(infoBytes, sha1);
  return {
    info,
    sha1: formatInfoHash(info.infoHash),
    metainfo: encodeMetainfo(infoBytes),
    bytes,
    piece,
    file: (place) =>
      bytes.subarray(layout.files[place].offset, layout.files[place].offset + layout.files[place].length),
  };
}
