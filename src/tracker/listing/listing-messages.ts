import type { IndexPage, IndexQuery } from './contents-index.ts';

// What the main thread and the thread that searches and sorts contents tell each other.

export interface ListingThreadOptions {
  /** The SQLite tables. */
  readonly path: string;
}

export type ListingRequest =
  | { readonly type: 'query'; readonly id: number; readonly query: IndexQuery }
  | { readonly type: 'close' };

export type ListingReply =
  | { readonly type: 'page'; readonly id: number; readonly page: IndexPage }
  | { readonly type: 'refused'; readonly id: number; readonly code: string; readonly reason: string };
