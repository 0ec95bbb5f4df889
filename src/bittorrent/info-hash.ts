// The info-hash: SHA-1 of a torrent's info dictionary, the name of a swarm (BEP 3). On the wire it is 20 bytes,
// for people and in the database it is 40 lowercase hexadecimal digits.

export const INFO_HASH_BYTES = 20;
export const INFO_HASH_DIGITS = 2 * INFO_HASH_BYTES;

export class InfoHashError extends Error {
  readonly code = 'INVALID_INFO_HASH';
  override readonly name = 'InfoHashError';
}

/**
 * The 20 bytes of an info-hash written as 40 hexadecimal digits, in either case.
 * @throws {InfoHashError} when the text is anything else.
 */
export function parseInfoHash(hex: string): Uint8Array {
  if (hex.length !== INFO_HASH_DIGITS) {
    throw new InfoHashError(`an info-hash has ${INFO_HASH_DIGITS} hexadecimal digits, got ${hex.length} characters`);
  }
  const bytes = new Uint8Array(INFO_HASH_BYTES);
  for (let i = 0; i < INFO_HASH_BYTES; i++) {
    bytes[i] = (digitValue(hex, 2 * i) << 4) | digitValue(hex, 2 * i + 1);
  }
  return bytes;
}

/**
 * The 20 bytes at `offset` as 40 lowercase hexadecimal digits.
 * @throws {InfoHashError} when fewer than 20 bytes are left there.
 */
export function formatInfoHash(bytes: Uint8Array, offset = 0): string {
  if (!Number.isInteger(offset) || offset < 0 || offset + INFO_HASH_BYTES > bytes.length) {
    throw new InfoHashError(`an info-hash has ${INFO_HASH_BYTES} bytes, got ${bytes.length} at offset ${offset}`);
  }
  let hex = '';
  for (let i = 0; i < INFO_HASH_BYTES; i++) hex += HEX_PAIRS[bytes[offset + i]];
  return hex;
}

const HEX_PAIRS: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function digitValue(hex: string, at: number): number {
  const code = hex.charCodeAt(at);
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  if (lower >= 0x61 && lower <= 0x66) return lower - 0x61 + 10;
  throw new InfoHashError(`character ${at + 1} of the info-hash is not a hexadecimal digit`);
}
