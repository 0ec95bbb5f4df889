import type { MessagePort } from 'node:worker_threads';
import type { Counters } from './counters.ts';
import type { AdmissionChange, HandedConnection, TrackerHttpReply } from './tracker.ts';

// What the main thread and the serve thread tell each other.

/** Worker data of the serve thread. */
export interface ServeOptions {
  readonly hosts: readonly string[];
  readonly port: number;
  readonly intervalSeconds: number;
  /** The SQLite tables, to fill the memory from. */
  readonly tables: string;
  /** Numbers of TablesProgress. */
  readonly progress: SharedArrayBuffer;
  readonly log: MessagePort;
  readonly counters: Counters;
}

export type ServeRequest =
  | {
      readonly type: 'http';
      readonly id: number;
      readonly path: '/announce' | '/scrape';
      readonly query: string;
      /** 4 or 16 bytes. */
      readonly ip: Uint8Array;
    }
  | { readonly type: 'change-admission'; readonly id: number; readonly change: AdmissionChange }
  | { readonly type: 'close' };

export type ServeReply =
  | { readonly type: 'listening'; readonly port: number }
  | { readonly type: 'http'; readonly id: number; readonly reply: TrackerHttpReply }
  | { readonly type: 'admission-changed'; readonly id: number; readonly problem: Problem | undefined }
  | { readonly type: 'connection'; readonly connection: HandedConnection }
  /** From time to time, after a change. */
  | { readonly type: 'state'; readonly index: bigint; readonly hash: string }
  | { readonly type: 'failed'; readonly code: string; readonly reason: string };

/** An error on its way between threads. */
export interface Problem {
  readonly code: string;
  readonly message: string;
}
