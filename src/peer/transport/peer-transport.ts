import type { PeerEndpoint } from '../../bittorrent/magnet.ts';

/**
 * A way for bytes between peers: TCP, uTP, or memory. What an implementation must guarantee stands here, and
 * `peer-transport.conformance.ts` holds it to it.
 */
export interface PeerTransport {
  /**
   * Opens a link to a peer.
   * @throws {PeerTransportError} UNREACHABLE, TIMED_OUT, or ABORTED when `signal` says so
   */
  connect(endpoint: PeerEndpoint, options?: ConnectOptions): Promise<PeerLink>;
  /**
   * Takes links from peers until it is closed. `onLink` must call `start` before it returns or soon after: nothing is
   * read, and nothing lost, before.
   * @param port 0 takes a free one
   * @throws {PeerTransportError} ADDRESS_IN_USE, CANNOT_LISTEN
   */
  listen(host: string, port: number, onLink: (link: PeerLink) => void): Promise<PeerListener>;
}

export interface ConnectOptions {
  /** CONNECT_TIMEOUT_MS by default. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export const CONNECT_TIMEOUT_MS = 10_000;
/** A link that holds so many bytes unsent wants no more until `drained`. */
export const WANTED_UNSENT_BYTES = 1024 * 1024;

export interface PeerListener {
  readonly host: string;
  readonly port: number;
  /** Takes no more links; those that are there live on. Can be called twice. */
  close(): Promise<void>;
}

/** Who is told what happens on a link. Never called within a call of the link's own methods, but `start` on. */
export interface PeerLinkEvents {
  /** The next bytes, in order. The memory is used again after the call. */
  chunk(bytes: Uint8Array): void;
  /**
   * Where the next bytes belong, if that is known and worth it: a link that can puts them right there, and says by `placed` how
   * many. Another one hands them over as any chunk.
   */
  place?(): Uint8Array | undefined;
  /** The next bytes, so many, are where `place` said last. */
  placed?(count: number): void;
  /** Few bytes are unsent again, after `unsentBytes` was at least WANTED_UNSENT_BYTES. */
  drained(): void;
  /** The last that is heard of the link, whoever closed it. */
  closed(error: PeerTransportError | undefined): void;
}

/** Bytes of an open file, which the system has in memory. */
export interface FileRange {
  /** The descriptor, open during the call. */
  readonly file: number;
  readonly offset: number;
  readonly length: number;
}

/** A connection to one peer. */
export interface PeerLink {
  readonly remote: PeerEndpoint;
  /** The peer came to us. */
  readonly incoming: boolean;
  /** Bytes taken by `write` that did not leave. */
  readonly unsentBytes: number;
  /** Begins to read; once. */
  start(events: PeerLinkEvents): void;
  /**
   * Takes bytes to send, in order, without copying them: they must not change until `done`, which is called once, within the
   * call or later, also when the link closes before they left. On a closed link nothing is sent. It takes however many; who
   * writes more than WANTED_UNSENT_BYTES ahead wastes memory.
   */
  write(parts: readonly Uint8Array[], done?: () => void): void;
  /**
   * Sends `head`, then bytes of a file without bringing them here, as many as leave at once. Not all links can.
   * @returns how many bytes of the file left, the rest of which is to follow by `write`; undefined: nothing did, not even the head
   */
  sendFile?(head: Uint8Array, range: FileRange): number | undefined;
  /** Reads nothing more until `resume`; the peer feels it. A chunk that was read already may still come. */
  pause(): void;
  resume(): void;
  /** Ends both ways: what is unsent may be lost. Can be called twice. */
  close(): void;
}

export type PeerTransportErrorCode =
  | 'UNREACHABLE'
  | 'TIMED_OUT'
  | 'ABORTED'
  | 'ADDRESS_IN_USE'
  | 'CANNOT_LISTEN'
  | 'BROKEN';

export class PeerTransportError extends Error {
  override readonly name = 'PeerTransportError';
  readonly code: PeerTransportErrorCode;

  constructor(code: PeerTransportErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
