import { createHash } from 'node:crypto';
import { type Metainfo, parseMetainfo } from '../../bittorrent/metainfo.ts';
import { LOCAL_PATHS } from './local-paths.ts';

export function sha1(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha1').update(bytes).digest());
}

/** What was read of which bytes, as long as somebody has them: a torrent of many files takes time, and is asked for in many places. */
const known = new WeakMap<Uint8Array, Metainfo>();

/**
 * Reads a torrent file that is to lie on this machine; the errors are those of `parseMetainfo`.
 * @param bytes must not change afterwards
 */
export function readMetainfo(bytes: Uint8Array): Metainfo {
  let metainfo = known.get(bytes);
  if (!metainfo) {
    metainfo = parseMetainfo(bytes, sha1, LOCAL_PATHS);
    known.set(bytes, metainfo);
  }
  return metainfo;
}
