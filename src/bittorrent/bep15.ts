// BEP 15: the UDP tracker protocol. A client asks for a connection ID, then announces or scrapes with it.
// Integers are big-endian. Requests open with connection ID, action, transaction ID; replies with action, transaction ID.
//
// The server side works on bytes where they lie and allocates nothing: read a field with `view.getUint32(offset +
// ANNOUNCE_PORT)`, answer with the `write...` functions, which return the number of bytes written. The client side
// returns objects.

import { encodeUrlData } from './bep41.ts';
import {
  type AddressFamily,
  IPV4_PEER_BYTES,
  IPV6_PEER_BYTES,
  type PeerAddress,
  readCompactPeers,
} from './compact-peers.ts';
import { INFO_HASH_BYTES } from './info-hash.ts';

/** What stands in the place of the connection ID in a connect request. */
export const PROTOCOL_ID = 0x41727101980n;

export const ACTION_CONNECT = 0;
export const ACTION_ANNOUNCE = 1;
export const ACTION_SCRAPE = 2;
export const ACTION_ERROR = 3;

export const EVENT_NONE = 0;
export const EVENT_COMPLETED = 1;
export const EVENT_STARTED = 2;
export const EVENT_STOPPED = 3;

// Offsets of fields, from the start of a datagram.
export const REQUEST_CONNECTION_ID = 0; // 8 bytes
export const REQUEST_ACTION = 8; // 4
export const REQUEST_TRANSACTION_ID = 12; // 4

export const ANNOUNCE_INFO_HASH = 16; // 20
export const ANNOUNCE_PEER_ID = 36; // 20
export const ANNOUNCE_DOWNLOADED = 56; // 8
export const ANNOUNCE_LEFT = 64; // 8
export const ANNOUNCE_UPLOADED = 72; // 8
export const ANNOUNCE_EVENT = 80; // 4
export const ANNOUNCE_IP = 84; // 4, zero: the sender's address
export const ANNOUNCE_KEY = 88; // 4
export const ANNOUNCE_NUM_WANT = 92; // 4, signed, -1: as the tracker likes
export const ANNOUNCE_PORT = 96; // 2
export const ANNOUNCE_OPTIONS = 98; // what is left: options of BEP 41

export const SCRAPE_INFO_HASHES = 16; // 20 each

export const REPLY_ACTION = 0; // 4
export const REPLY_TRANSACTION_ID = 4; // 4

export const CONNECT_REPLY_CONNECTION_ID = 8; // 8

export const ANNOUNCE_REPLY_INTERVAL = 8; // 4
export const ANNOUNCE_REPLY_LEECHERS = 12; // 4
export const ANNOUNCE_REPLY_SEEDERS = 16; // 4
export const ANNOUNCE_REPLY_PEERS = 20; // compact peers of the family of the socket

export const SCRAPE_REPLY_ENTRIES = 8; // 12 each
export const ERROR_REPLY_MESSAGE = 8;

// Sizes in bytes.
export const REQUEST_HEADER_BYTES = 16;
export const CONNECT_REQUEST_BYTES = 16;
export const CONNECT_REPLY_BYTES = 16;
/** The least; BEP 41 options may follow. */
export const ANNOUNCE_REQUEST_BYTES = 98;
export const ANNOUNCE_REPLY_HEADER_BYTES = 20;
export const SCRAPE_REQUEST_HEADER_BYTES = 16;
export const SCRAPE_REPLY_HEADER_BYTES = 8;
export const SCRAPE_ENTRY_BYTES = 12;
export const ERROR_REPLY_HEADER_BYTES = 8;
export const PEER_ID_BYTES = 20;

/** How many info-hashes one scrape may name (BEP 15: "up to about 74 torrents"). */
export const MAX_SCRAPE_HASHES = 74;

export const REQUEST_MALFORMED = 0;
export const REQUEST_CONNECT = 1;
export const REQUEST_ANNOUNCE = 2;
export const REQUEST_SCRAPE = 3;

const PROTOCOL_ID_HIGH = Number(PROTOCOL_ID >> 32n);
const PROTOCOL_ID_LOW = Number(PROTOCOL_ID & 0xffffffffn);

// ---- Server side ----

/**
 * What the datagram of `length` bytes at `offset` asks for: one of the REQUEST_ constants. Length, action and, in a
 * connect, the protocol ID are checked; the connection ID of an announce or a scrape is left to the caller.
 */
export function classifyRequest(view: DataView, offset: number, length: number): number {
  if (length < REQUEST_HEADER_BYTES) return REQUEST_MALFORMED;
  switch (view.getUint32(offset + REQUEST_ACTION)) {
    case ACTION_ANNOUNCE:
      return length >= ANNOUNCE_REQUEST_BYTES ? REQUEST_ANNOUNCE : REQUEST_MALFORMED;
    case ACTION_CONNECT:
      return view.getUint32(offset) === PROTOCOL_ID_HIGH && view.getUint32(offset + 4) === PROTOCOL_ID_LOW
        ? REQUEST_CONNECT
        : REQUEST_MALFORMED;
    case ACTION_SCRAPE: {
      const hashes = (length - SCRAPE_REQUEST_HEADER_BYTES) / INFO_HASH_BYTES;
      return Number.isInteger(hashes) && hashes >= 1 && hashes <= MAX_SCRAPE_HASHES
        ? REQUEST_SCRAPE
        : REQUEST_MALFORMED;
    }
    default:
      return REQUEST_MALFORMED;
  }
}

/** Writes 16 bytes; the connection ID comes as two 32-bit halves, so that no BigInt is made. */
export function writeConnectReply(
  view: DataView,
  offset: number,
  transactionId: number,
  connectionIdHigh: number,
  connectionIdLow: number,
): number {
  view.setUint32(offset + REPLY_ACTION, ACTION_CONNECT);
  view.setUint32(offset + REPLY_TRANSACTION_ID, transactionId);
  view.setUint32(offset + CONNECT_REPLY_CONNECTION_ID, connectionIdHigh);
  view.setUint32(offset + CONNECT_REPLY_CONNECTION_ID + 4, connectionIdLow);
  return CONNECT_REPLY_BYTES;
}

/** Writes the 20 bytes before the compact peers. */
export function writeAnnounceReplyHeader(
  view: DataView,
  offset: number,
  transactionId: number,
  intervalSeconds: number,
  leechers: number,
  seeders: number,
): number {
  view.setUint32(offset + REPLY_ACTION, ACTION_ANNOUNCE);
  view.setUint32(offset + REPLY_TRANSACTION_ID, transactionId);
  view.setUint32(offset + ANNOUNCE_REPLY_INTERVAL, intervalSeconds);
  view.setUint32(offset + ANNOUNCE_REPLY_LEECHERS, leechers);
  view.setUint32(offset + ANNOUNCE_REPLY_SEEDERS, seeders);
  return ANNOUNCE_REPLY_HEADER_BYTES;
}

/** Writes the 8 bytes before the entries. */
export function writeScrapeReplyHeader(view: DataView, offset: number, transactionId: number): number {
  view.setUint32(offset + REPLY_ACTION, ACTION_SCRAPE);
  view.setUint32(offset + REPLY_TRANSACTION_ID, transactionId);
  return SCRAPE_REPLY_HEADER_BYTES;
}

/** Writes the 12 bytes of one entry; entries stand in the order of the request's info-hashes. */
export function writeScrapeEntry(
  view: DataView,
  offset: number,
  seeders: number,
  completed: number,
  leechers: number,
): number {
  view.setUint32(offset, seeders);
  view.setUint32(offset + 4, completed);
  view.setUint32(offset + 8, leechers);
  return SCRAPE_ENTRY_BYTES;
}

/** Writes 8 bytes and the message, text for people in UTF-8. */
export function writeErrorReply(
  view: DataView,
  offset: number,
  transactionId: number,
  messageBytes: Uint8Array,
): number {
  view.setUint32(offset + REPLY_ACTION, ACTION_ERROR);
  view.setUint32(offset + REPLY_TRANSACTION_ID, transactionId);
  for (let i = 0; i < messageBytes.length; i++) view.setUint8(offset + ERROR_REPLY_MESSAGE + i, messageBytes[i]);
  return ERROR_REPLY_HEADER_BYTES + messageBytes.length;
}

// ---- Client side ----

export interface AnnounceRequest {
  connectionId: bigint;
  transactionId: number;
  /** 20 bytes. */
  infoHash: Uint8Array;
  /** 20 bytes. */
  peerId: Uint8Array;
  /** Bytes, as are `left` and `uploaded`. */
  downloaded: bigint;
  left: bigint;
  uploaded: bigint;
  /** One of the EVENT_ constants; none by default. */
  event?: number;
  /** An IPv4 address as a 32-bit number; 0, the default, is the sender's. */
  ip?: number;
  /** A number that tells the client apart when its address changes; 0 by default. */
  key?: number;
  /** -1, the default, leaves it to the tracker. */
  numWant?: number;
  port: number;
  /** Path and query of the tracker's URL (BEP 41), percent-encoded. */
  urlData?: string;
}

export interface ScrapeEntry {
  seeders: number;
  completed: number;
  leechers: number;
}

export type TrackerReply =
  | { action: 'connect'; transactionId: number; connectionId: bigint }
  | {
      action: 'announce';
      transactionId: number;
      intervalSeconds: number;
      leechers: number;
      seeders: number;
      peers: PeerAddress[];
    }
  | { action: 'scrape'; transactionId: number; entries: ScrapeEntry[] }
  | { action: 'error'; transactionId: number; message: string };

/** A datagram that is no reply of a UDP tracker, or a request that cannot be written as one. */
export class UdpTrackerError extends Error {
  readonly code: 'MALFORMED_REPLY' | 'INVALID_REQUEST';
  override readonly name = 'UdpTrackerError';

  constructor(code: UdpTrackerError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export function encodeConnectRequest(transactionId: number): Uint8Array {
  return requestWithHeader(CONNECT_REQUEST_BYTES, PROTOCOL_ID, ACTION_CONNECT, transactionId).bytes;
}

/**
 * 98 bytes, and the options of BEP 41 when there is URL data.
 * @throws {UdpTrackerError} INVALID_REQUEST
 * @throws {UrlDataError} when the URL data cannot be written.
 */
export function encodeAnnounceRequest(request: AnnounceRequest): Uint8Array {
  const options = request.urlData === undefined ? undefined : encodeUrlData(request.urlData);
  const { bytes, view } = requestWithHeader(
    ANNOUNCE_REQUEST_BYTES + (options?.length ?? 0),
    request.connectionId,
    ACTION_ANNOUNCE,
    request.transactionId,
  );
  bytes.set(requireBytes('info-hash', request.infoHash, INFO_HASH_BYTES), ANNOUNCE_INFO_HASH);
  bytes.set(requireBytes('peer ID', request.peerId, PEER_ID_BYTES), ANNOUNCE_PEER_ID);
  view.setBigUint64(ANNOUNCE_DOWNLOADED, request.downloaded);
  view.setBigUint64(ANNOUNCE_LEFT, request.left);
  view.setBigUint64(ANNOUNCE_UPLOADED, request.uploaded);
  view.setUint32(ANNOUNCE_EVENT, request.event ?? EVENT_NONE);
  view.setUint32(ANNOUNCE_IP, request.ip ?? 0);
  view.setUint32(ANNOUNCE_KEY, request.key ?? 0);
  view.setInt32(ANNOUNCE_NUM_WANT, request.numWant ?? -1);
  view.setUint16(ANNOUNCE_PORT, request.port);
  if (options) bytes.set(options, ANNOUNCE_OPTIONS);
  return bytes;
}

/** @throws {UdpTrackerError} INVALID_REQUEST, also for none or more than MAX_SCRAPE_HASHES info-hashes. */
export function encodeScrapeRequest(request: {
  connectionId: bigint;
  transactionId: number;
  infoHashes: readonly Uint8Array[];
}): Uint8Array {
  const { connectionId, transactionId, infoHashes } = request;
  if (infoHashes.length < 1 || infoHashes.length > MAX_SCRAPE_HASHES) {
    throw new UdpTrackerError(
      'INVALID_REQUEST',
      `a scrape names 1 to ${MAX_SCRAPE_HASHES} info-hashes, got ${infoHashes.length}; split it`,
    );
  }
  const length = SCRAPE_REQUEST_HEADER_BYTES + infoHashes.length * INFO_HASH_BYTES;
  const { bytes } = requestWithHeader(length, connectionId, ACTION_SCRAPE, transactionId);
  for (const [i, infoHash] of infoHashes.entries()) {
    const hash = requireBytes('info-hash', infoHash, INFO_HASH_BYTES);
    bytes.set(hash, SCRAPE_INFO_HASHES + i * INFO_HASH_BYTES);
  }
  return bytes;
}

/**
 * A tracker's datagram. The address family is that of the socket: it says how long the peers of an announce are.
 * @throws {UdpTrackerError} MALFORMED_REPLY
 */
export function parseReply(bytes: Uint8Array, addressFamily: AddressFamily): TrackerReply {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  requireLength('reply', bytes, ERROR_REPLY_HEADER_BYTES);
  const action = view.getUint32(REPLY_ACTION);
  const transactionId = view.getUint32(REPLY_TRANSACTION_ID);
  switch (action) {
    case ACTION_CONNECT:
      requireLength('connect reply', bytes, CONNECT_REPLY_BYTES);
      return { action: 'connect', transactionId, connectionId: view.getBigUint64(CONNECT_REPLY_CONNECTION_ID) };
    case ACTION_ANNOUNCE: {
      const peerBytes = addressFamily === 4 ? IPV4_PEER_BYTES : IPV6_PEER_BYTES;
      requireLength('announce reply', bytes, ANNOUNCE_REPLY_HEADER_BYTES, peerBytes);
      return {
        action: 'announce',
        transactionId,
        intervalSeconds: view.getUint32(ANNOUNCE_REPLY_INTERVAL),
        leechers: view.getUint32(ANNOUNCE_REPLY_LEECHERS),
        seeders: view.getUint32(ANNOUNCE_REPLY_SEEDERS),
        peers: readCompactPeers(bytes.subarray(ANNOUNCE_REPLY_PEERS), addressFamily),
      };
    }
    case ACTION_SCRAPE: {
      requireLength('scrape reply', bytes, SCRAPE_REPLY_HEADER_BYTES, SCRAPE_ENTRY_BYTES);
      const entries: ScrapeEntry[] = [];
      for (let at = SCRAPE_REPLY_ENTRIES; at < bytes.length; at += SCRAPE_ENTRY_BYTES) {
        entries.push({
          seeders: view.getUint32(at),
          completed: view.getUint32(at + 4),
          leechers: view.getUint32(at + 8),
        });
      }
      return { action: 'scrape', transactionId, entries };
    }
    case ACTION_ERROR:
      return {
        action: 'error',
        transactionId,
        message: new TextDecoder().decode(bytes.subarray(ERROR_REPLY_MESSAGE)),
      };
    default:
      throw new UdpTrackerError('MALFORMED_REPLY', `a tracker's reply has an action from 0 to 3, got ${action}`);
  }
}

function requestWithHeader(length: number, connectionId: bigint, action: number, transactionId: number) {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(REQUEST_CONNECTION_ID, connectionId);
  view.setUint32(REQUEST_ACTION, action);
  view.setUint32(REQUEST_TRANSACTION_ID, transactionId);
  return { bytes, view };
}

function requireBytes(what: string, bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length === length) return bytes;
  throw new UdpTrackerError('INVALID_REQUEST', `the ${what} has ${length} bytes, got ${bytes.length}`);
}

/** At least `header` bytes, and behind them, when `stride` is given, a whole number of entries. */
function requireLength(what: string, bytes: Uint8Array, header: number, stride?: number): void {
  if (bytes.length < header) {
    throw new UdpTrackerError('MALFORMED_REPLY', `the ${what} has ${bytes.length} bytes, at least ${header} expected`);
  }
  if (stride !== undefined && (bytes.length - header) % stride !== 0) {
    throw new UdpTrackerError(
      'MALFORMED_REPLY',
      `the ${what} has ${bytes.length - header} bytes of entries, not a multiple of ${stride}`,
    );
  }
}
