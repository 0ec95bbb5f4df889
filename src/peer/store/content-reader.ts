import { type ContentFile, fileSpans } from '../../bittorrent/content-layout.ts';
import type { FileLayer } from './file-layer.ts';

/**
 * Reads the bytes of a content from `offset` on, pad files being zeros, until `into` is full.
 * @throws {FileError}
 */
export function readContent(
  files: readonly ContentFile[],
  layer: Pick<FileLayer, 'read'>,
  offset: number,
  into: Uint8Array,
): void {
  let at = 0;
  for (const span of fileSpans(files, offset, offset + into.length)) {
    const part = into.subarray(at, at + span.length);
    const { kind, path } = files[span.file];
    if (kind === 'file') layer.read(path, span.offset, part);
    else part.fill(0);
    at += span.length;
  }
}
