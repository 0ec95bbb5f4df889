import type { SealedStates } from './sealed-files.ts';

// What the network thread asks of the threads that hash, write and read. Each request has one answer; the bytes lie in
// memory that both share, so nothing is copied.

/** The writing thread, which alone has the database. */
export type StorageRequest =
  | { readonly type: 'open'; readonly sha1: string; readonly folder: string; readonly metainfo: Uint8Array }
  /** A chunk that was verified in memory. */
  | { readonly type: 'put'; readonly sha1: string; readonly piece: number; readonly bytes: Uint8Array }
  /** A chunk that was hashed where it lies. */
  | { readonly type: 'checked'; readonly sha1: string; readonly piece: number; readonly isRight: boolean }
  | { readonly type: 'adopt' | 'doubtAll' | 'finish' | 'flush' | 'close' | 'remove'; readonly sha1: string }
  | { readonly type: 'contents' }
  | { readonly type: 'stop' };

/** The reading thread. */
export type ReadRequest =
  | {
      readonly type: 'openFiles';
      readonly sha1: string;
      readonly folder: string;
      readonly metainfo: Uint8Array;
      /** They may change as long as there are none. */
      readonly sealed: SealedStates | undefined;
    }
  | { readonly type: 'read'; readonly sha1: string; readonly offset: number; readonly into: Uint8Array }
  /** All of it is there, and its files are to stay as they were then, or as they are; or no more. */
  | { readonly type: 'seal'; readonly sha1: string; readonly states: SealedStates | undefined }
  | { readonly type: 'unseal' | 'closeFiles'; readonly sha1: string };

/** A hashing thread. */
export type HashRequest =
  | { readonly type: 'openFiles'; readonly sha1: string; readonly folder: string; readonly metainfo: Uint8Array }
  /** Whether bytes have these SHA-1, one after the other. */
  | { readonly type: 'verify'; readonly pieces: readonly ArrivedPiece[] }
  /** Whether pieces are on the disk, one after the other. */
  | { readonly type: 'check'; readonly sha1: string; readonly pieces: readonly number[] }
  | { readonly type: 'forgetFiles' | 'closeFiles'; readonly sha1: string };

/** A piece in memory, and the SHA-1 that it should have. */
export interface ArrivedPiece {
  readonly bytes: Uint8Array;
  readonly hash: Uint8Array;
}

/** What an `open` answers: bitfields as the wire has them. */
export interface OpenedContent {
  readonly have: Uint8Array;
  /** To be checked, one by one. */
  readonly doubtful: Uint8Array;
}

/** The last that a thread is told. */
export const END = 'end';

export interface Numbered<Request> {
  readonly id: number;
  readonly request: Request;
}

export type ThreadAnswer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: ThreadFailure };

/** An error as it crosses threads. */
export interface ThreadFailure {
  readonly code: string;
  readonly message: string;
  /** Of CHUNKS_LOST. */
  readonly pieces?: readonly number[];
}

/** What went wrong on a thread of the store, with the code of the error there (`FileError`, `StorageError`, ...). */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: string;
  /** Of CHUNKS_LOST: chunks that are to be fetched again. */
  readonly pieces: readonly number[];

  constructor({ code, message, pieces = [] }: ThreadFailure) {
    super(message);
    this.code = code;
    this.pieces = pieces;
  }
}

export function failureOf(error: unknown): ThreadFailure {
  const { code = 'STORE_FAILED', message, pieces } = error as Error & { code?: string; pieces?: readonly number[] };
  return { code, message, ...(pieces ? { pieces } : {}) };
}
