import type { Membership } from './membership.ts';

/**
 * One entry of the replicated log. `batch` holds what was proposed, unread by the core; `noop` opens a master's term
 * (rule 3); `membership` holds the whole membership from this entry on.
 */
export interface Entry {
  /** 1, 2, 3, ...: a log has no holes. */
  readonly index: number;
  /** The term of the master that created the entry. Never falls along a log. */
  readonly term: number;
  readonly kind: 'batch' | 'noop' | 'membership';
  /** Empty unless `kind` is `batch`. */
  readonly data: Uint8Array;
  /** Set exactly when `kind` is `membership`. */
  readonly membership: Membership | null;
}

const NO_DATA = new Uint8Array(0);

export function batchEntry(index: number, term: number, data: Uint8Array): Entry {
  return { index, term, kind: 'batch', data, membership: null };
}

export function noopEntry(index: number, term: number): Entry {
  return { index, term, kind: 'noop', data: NO_DATA, membership: null };
}

export function membershipEntry(index: number, term: number, membership: Membership): Entry {
  return { index, term, kind: 'membership', data: NO_DATA, membership };
}

/** What an entry costs on the wire. */
export function entryBytes(entry: Entry): number {
  return entry.data.length + ENTRY_OVERHEAD_BYTES;
}

/** What an entry costs in memory. */
export function heldBytes(entry: Entry): number {
  return entry.data.length + HELD_OVERHEAD_BYTES;
}

/** Beside its data; estimates for the bounds. The second was measured: an object, and a small buffer of its own. */
const ENTRY_OVERHEAD_BYTES = 32;
const HELD_OVERHEAD_BYTES = 700;
