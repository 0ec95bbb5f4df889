import type { MessagePort } from 'node:worker_threads';
import type { Counters } from './counters.ts';
import type { ForwardedRequest, Outcome } from './forwarding/forward-messages.ts';
import type { HandedConnection, MulticastGroup } from './tracker.ts';

// What the main thread and the serve thread tell each other.

/** Worker data of the serve thread. */
export interface ServeOptions {
  readonly hosts: readonly string[];
  readonly port: number;
  /** Where peers ask by multicast. */
  readonly group: MulticastGroup | undefined;
  readonly intervalSeconds: number;
  /** How long to wait for a master before it is said that this instance listens, milliseconds. */
  readonly patienceMs: number;
  /** The SQLite tables, to fill the memory from. */
  readonly tables: string;
  /** Numbers of TablesProgress. */
  readonly progress: SharedArrayBuffer;
  readonly log: MessagePort;
  readonly counters: Counters;
}

export type ServeRequest =
  | { readonly type: 'ask'; readonly id: number; readonly request: ForwardedRequest }
  | { readonly type: 'close' };

export type ServeReply =
  | { readonly type: 'listening'; readonly port: number }
  | { readonly type: 'outcome'; readonly id: number; readonly outcome: Outcome }
  | { readonly type: 'connection'; readonly connection: HandedConnection }
  /** From time to time, after a change. */
  | { readonly type: 'state'; readonly index: bigint; readonly hash: string }
  | { readonly type: 'failed'; readonly code: string; readonly reason: string };

/** An error on its way between threads. */
export interface Problem {
  readonly code: string;
  readonly message: string;
}
