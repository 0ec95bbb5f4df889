import type { ContentsSort } from '../tracker.ts';

// Where a page of searched or sorted contents ended: the sha1 of its last content, and what it was sorted by. It holds
// wherever that content stands now, at any instance: `SHA1.` and then a number, or the folded name as base64url.

/** What a client sent back is no cursor, or one of another order. */
export class CursorError extends Error {
  override readonly name = 'CursorError';
  readonly code = 'BAD_CURSOR';
  constructor() {
    super('`after` must be the `next` of the page before, of the same query');
  }
}

export interface Cursor {
  readonly sha1: string;
  /** Undefined: it has no name or size, or is sorted by its sha1. */
  readonly value: number | Uint8Array | undefined;
}

export function formatCursor(sha1: string, value: Cursor['value']): string {
  if (value === undefined) return `${sha1}.`;
  return `${sha1}.${typeof value === 'number' ? value : Buffer.from(value).toString('base64url')}`;
}

/** @throws {CursorError} */
export function parseCursor(cursor: string, sort: ContentsSort): Cursor {
  const [, sha1, text] = /^([0-9a-f]{40})\.([\w-]*)$/.exec(cursor) ?? [];
  if (sha1 === undefined || (sort === 'sha1' && text !== '')) throw new CursorError();
  if (text === '') return { sha1, value: undefined };
  if (sort === 'name') return { sha1, value: Buffer.from(text, 'base64url') };
  if (!/^\d{1,16}$/.test(text)) throw new CursorError();
  return { sha1, value: Number(text) };
}
