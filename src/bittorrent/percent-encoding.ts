// Percent-encoding (RFC 3986 §2.1) between text and bytes. Decoding is exact: '+' stays '+', as in BitTorrent's queries.
// The text is a byte string: one character a byte, as Node gives the URL of an HTTP request.

/** What `percentDecode` returns for an escape without two hexadecimal digits, or a character above U+00FF. */
export const BAD_ESCAPE = -1;
/** What `percentDecode` returns when the value has more bytes than `out` has room. */
export const NO_ROOM = -2;

/**
 * Decodes text[start, end) into `out` and returns how many bytes it came to, or BAD_ESCAPE or NO_ROOM (then `out` holds
 * what came before). Allocates nothing.
 */
export function percentDecode(text: string, start: number, end: number, out: Uint8Array): number {
  let length = 0;
  for (let at = start; at < end; at++) {
    let byte = text.charCodeAt(at);
    if (byte === PERCENT) {
      if (at + 2 >= end) return BAD_ESCAPE;
      byte = (hexDigit(text.charCodeAt(at + 1)) << 4) | hexDigit(text.charCodeAt(at + 2));
      at += 2;
      if (byte < 0) return BAD_ESCAPE;
    } else if (byte > 0xff) {
      return BAD_ESCAPE;
    }
    if (length === out.length) return NO_ROOM;
    out[length++] = byte;
  }
  return length;
}

/** `bytes` with everything escaped but the unreserved characters of RFC 3986 §2.3. */
export function percentEncode(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += ENCODED[byte];
  return text;
}

const PERCENT = 0x25;

const ENCODED: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  return /[A-Za-z0-9._~-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
});

/** -1 for no digit: shifted or not, or-ed with another it stays negative. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1;
}
