import { pieceBytes } from '../../bittorrent/content-layout.ts';
import type { Download } from '../../peer/swarm/download.ts';
import type { FilesView } from './peer-schemas.ts';

/** A page of the files of a content with how much of each is there; pad files and links have no bytes to wait for. */
export function fileViews({ info, have }: Download, after: number, limit: number): FilesView {
  const files = info.files.filter(({ kind }) => kind === 'file');
  const page = files.slice(after, after + limit).map(({ path, length, offset }) => ({
    path: path.join('/'),
    size: length,
    bytesDone: bytesThere(offset, offset + length),
  }));
  const end = after + page.length;
  return { files: page, total: files.length, next: end < files.length ? end : null };

  function bytesThere(from: number, to: number): number {
    let there = 0;
    for (let piece = Math.floor(from / info.pieceLength); piece * info.pieceLength < to; piece++) {
      if (!have.has(piece)) continue;
      const begin = piece * info.pieceLength;
      there += Math.min(to, begin + pieceBytes(info, piece)) - Math.max(from, begin);
    }
    return there;
  }
}
