import { randomBytes } from 'node:crypto';
import type { ClusterId } from '../consensus/identity.ts';

/**
 * A UUID for a cluster that is being founded: version 7 of RFC 9562, so that its text sorts by the time of founding. That time
 * is the founder's wall clock and decides one thing only: which of two clusters of one name that meet is the earlier.
 */
export function newClusterId(unixTimeMs = Date.now()): ClusterId {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(unixTimeMs, 0, 6);
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Whether cluster `a` was founded before cluster `b`. */
export function isEarlier(a: ClusterId, b: ClusterId): boolean {
  return a < b;
}
