// BEP 41: options behind the 98 bytes of a UDP announce. Each is a type byte, and but for the two without content a
// length byte and that many bytes. The one in use is URL data: the path and query of the tracker's URL, in pieces of
// at most 255 bytes. aria2 sends two stray zero bytes there, libtorrent `/announce`.

export const OPTION_END = 0;
export const OPTION_NOP = 1;
export const OPTION_URL_DATA = 2;
export const MAX_URL_DATA_PIECE_BYTES = 255;
/** URL data longer than this is ignored. A name of 255 bytes, each percent-encoded, takes 765 of it. */
export const MAX_URL_DATA_BYTES = 2048;

export class UrlDataError extends Error {
  readonly code = 'INVALID_URL_DATA';
  override readonly name = 'UrlDataError';
}

/**
 * The URL data among the options in bytes[offset, end), its pieces joined, one character a byte; undefined when there
 * is none, or more than MAX_URL_DATA_BYTES. An option cut short ends the options and is ignored. Never throws.
 */
export function readUrlData(bytes: Uint8Array, offset: number, end: number): string | undefined {
  let urlData: string | undefined;
  while (offset < end) {
    const type = bytes[offset++];
    if (type === OPTION_END) break;
    if (type === OPTION_NOP) continue;
    if (offset === end) break;
    const contentEnd = offset + 1 + bytes[offset];
    if (contentEnd > end) break;
    if (type === OPTION_URL_DATA) {
      urlData ??= '';
      for (let i = offset + 1; i < contentEnd; i++) urlData += String.fromCharCode(bytes[i]);
      if (urlData.length > MAX_URL_DATA_BYTES) return undefined;
    }
    offset = contentEnd;
  }
  return urlData;
}

/**
 * Options that hold `urlData`, closed by EndOfOptions. One character is one byte.
 * @throws {UrlDataError} for a character above U+00FF (percent-encode it first) or more than MAX_URL_DATA_BYTES.
 */
export function encodeUrlData(urlData: string): Uint8Array {
  if (urlData.length > MAX_URL_DATA_BYTES) {
    throw new UrlDataError(`URL data of ${urlData.length} bytes; at most ${MAX_URL_DATA_BYTES} are allowed`);
  }
  const pieces = Math.ceil(urlData.length / MAX_URL_DATA_PIECE_BYTES);
  const options = new Uint8Array(urlData.length + 2 * pieces + 1);
  let written = 0;
  for (let start = 0; start < urlData.length; start += MAX_URL_DATA_PIECE_BYTES) {
    const end = Math.min(start + MAX_URL_DATA_PIECE_BYTES, urlData.length);
    options[written++] = OPTION_URL_DATA;
    options[written++] = end - start;
    for (let i = start; i < end; i++) options[written++] = byteAt(urlData, i);
  }
  options[written] = OPTION_END;
  return options;
}

function byteAt(urlData: string, at: number): number {
  const code = urlData.charCodeAt(at);
  if (code > 0xff) throw new UrlDataError(`character ${at + 1} of the URL data is not a byte; percent-encode it`);
  return code;
}
