// What a peer of ours tells the tracker about a content: `?name=...&size=...`, in the URL data of a UDP announce (BEP 41)
// or in the query of an HTTP announce. The name is percent-encoded UTF-8, the size is decimal bytes. It is a
// courtesy, never a condition: whatever is invalid is ignored.

import { percentDecode, percentEncode } from './percent-encoding.ts';

export const MAX_CONTENT_NAME_BYTES = 255;

export interface ContentQuery {
  name?: string;
  /** Bytes. */
  size?: number;
}

/** Name and size in the query of `urlData` (what stands behind its '?'); the first valid value of each counts. Never throws. */
export function parseContentQuery(urlData: string): ContentQuery {
  const content: ContentQuery = {};
  const question = urlData.indexOf('?');
  if (question < 0) return content;
  for (let at = question + 1; at < urlData.length; ) {
    const ampersand = urlData.indexOf('&', at);
    const end = ampersand < 0 ? urlData.length : ampersand;
    if (urlData.startsWith(NAME_KEY, at)) {
      const name = content.name ?? decodeContentName(urlData, at + NAME_KEY.length, end);
      if (name !== undefined) content.name = name;
    } else if (urlData.startsWith(SIZE_KEY, at)) {
      const size = content.size ?? decodeContentSize(urlData, at + SIZE_KEY.length, end);
      if (size !== undefined) content.size = size;
    }
    at = end + 1;
  }
  return content;
}

/** The query that `parseContentQuery` reads: `?name=...&size=...`, or '' when there is neither. */
export function formatContentQuery(content: ContentQuery): string {
  const fields: string[] = [];
  if (content.name !== undefined) fields.push(NAME_KEY + percentEncode(new TextEncoder().encode(content.name)));
  if (content.size !== undefined) fields.push(SIZE_KEY + content.size);
  return fields.length === 0 ? '' : `?${fields.join('&')}`;
}

/**
 * A percent-encoded name: well-formed UTF-8 of 1 to 255 bytes without control characters (C0, DEL, C1).
 * Undefined for anything else.
 */
export function decodeContentName(text: string, start: number, end: number): string | undefined {
  const length = percentDecode(text, start, end, nameBytes);
  if (length < 1) return undefined;
  let name: string;
  try {
    name = strictUtf8.decode(nameBytes.subarray(0, length));
  } catch {
    return undefined;
  }
  return CONTROL_CHARACTER.test(name) ? undefined : name;
}

/** A decimal size in bytes, at most 2^53 - 1, without sign or leading zeros; undefined for anything else. */
export function decodeContentSize(text: string, start: number, end: number): number | undefined {
  const digits = text.slice(start, end);
  if (!DECIMAL.test(digits)) return undefined;
  const size = Number(digits);
  return Number.isSafeInteger(size) ? size : undefined;
}

const NAME_KEY = 'name=';
const SIZE_KEY = 'size=';
const DECIMAL = /^(?:0|[1-9][0-9]{0,15})$/;
const CONTROL_CHARACTER = /\p{Cc}/u;
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Scratch of one call; never handed out. */
const nameBytes = new Uint8Array(MAX_CONTENT_NAME_BYTES);
