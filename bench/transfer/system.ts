import type { Program } from '../program.ts';
import type { BenchContent } from './content.ts';

/** Where one peer of a trial lives. */
export interface PeerTask {
  readonly host: string;
  readonly port: number;
  readonly content: BenchContent;
  /** Where the content is, or comes to be. */
  readonly folder: string;
  /** For what the program keeps beside it; empty, its own. */
  readonly home: string;
}

export interface RunningPeer {
  /** The process whose memory is that of the peer. */
  readonly program: Program<unknown>;
  /** Resolves when it has everything. */
  readonly done: Promise<unknown>;
}

/** A program that shares and gets, as its user would start it. */
export interface TransferSystem {
  readonly name: string;
  /** More than this takes minutes. */
  readonly maxBytes: number;
  /** No client, but what the machine can do: one file, among its like. */
  readonly isLimit?: true;
  /** Resolves when it can send. */
  seed(task: PeerTask): Promise<RunningPeer>;
  /** Resolves when its process runs. */
  leech(task: PeerTask): Promise<RunningPeer>;
}

/** Where a program listens that is asked how far it is. */
export function rpcPort({ port }: PeerTask): number {
  return port + RPC_PORT_OFFSET;
}

const RPC_PORT_OFFSET = 100;
