// Replies of an HTTP tracker, bencoded straight into the caller's buffer: announce (BEP 3, compact peers of BEP 23 and
// BEP 7, external address of BEP 24), scrape (BEP 48), failure (BEP 3, with the `retry in` of BEP 31).
// Keys are written in the order of their bytes, so the encoding is canonical.
//
// Every function writes at `offset` and returns the offset behind the reply. The `...Room` functions say how many bytes
// are surely enough; with less it throws before it writes.

import { formatIpv4, formatIpv6, IPV4_BYTES, IPV4_PEER_BYTES, IPV6_BYTES, IPV6_PEER_BYTES } from './compact-peers.ts';
import { INFO_HASH_BYTES } from './info-hash.ts';

/** Counts are whole numbers from 0 to 2^53 - 1. */
export interface AnnounceReply {
  intervalSeconds: number;
  minIntervalSeconds: number;
  /** Seeders. */
  complete: number;
  /** Leechers. */
  incomplete: number;
  /** How often a download was completed. */
  downloaded: number;
  /** Compact IPv4 peers, 6 bytes each. */
  peers: Uint8Array;
  /** Compact IPv6 peers, 18 bytes each. */
  peers6: Uint8Array;
  /** The client's address as the tracker sees it: 4 or 16 bytes. */
  externalIp?: Uint8Array;
}

export interface ScrapeReplyEntry {
  /** 20 bytes. */
  infoHash: Uint8Array;
  complete: number;
  downloaded: number;
  incomplete: number;
}

/** A reply that cannot be written where or as it was asked for: the caller's mistake, not the client's. */
export class TrackerReplyError extends Error {
  readonly code: 'NO_ROOM' | 'INVALID_REPLY';
  override readonly name = 'TrackerReplyError';

  constructor(code: TrackerReplyError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export function announceReplyRoom(reply: AnnounceReply, compact: boolean): number {
  const { peers, peers6 } = reply;
  if (compact) return ANNOUNCE_ROOM + peers.length + peers6.length;
  return ANNOUNCE_ROOM + (peers.length / IPV4_PEER_BYTES + peers6.length / IPV6_PEER_BYTES) * DICTIONARY_PEER_ROOM;
}

/**
 * Compact, `peers` is always there and `peers6` when it has any. Otherwise `peers` is a list of dictionaries of both
 * families, without peer IDs, which the tracker does not keep (as if `no_peer_id` was asked for).
 * @throws {TrackerReplyError}
 */
export function encodeAnnounceReply(out: Uint8Array, offset: number, reply: AnnounceReply, compact: boolean): number {
  const { peers, peers6, externalIp } = reply;
  requireWhole('peers', peers, IPV4_PEER_BYTES);
  requireWhole('peers6', peers6, IPV6_PEER_BYTES);
  requireRoom(out, offset, announceReplyRoom(reply, compact));
  let at = put(out, offset, COMPLETE);
  at = putDigits(out, at, reply.complete);
  at = put(out, at, DOWNLOADED);
  at = putDigits(out, at, reply.downloaded);
  at = put(out, at, END);
  if (externalIp) {
    if (externalIp.length !== IPV4_BYTES && externalIp.length !== IPV6_BYTES) {
      throw new TrackerReplyError('INVALID_REPLY', `an external IP has 4 or 16 bytes, got ${externalIp.length}`);
    }
    at = put(out, at, EXTERNAL_IP);
    at = putString(out, at, externalIp);
  }
  at = put(out, at, INCOMPLETE_KEY);
  at = putDigits(out, at, reply.incomplete);
  at = put(out, at, INTERVAL);
  at = putDigits(out, at, reply.intervalSeconds);
  at = put(out, at, MIN_INTERVAL);
  at = putDigits(out, at, reply.minIntervalSeconds);
  at = put(out, at, PEERS);
  if (compact) {
    at = putString(out, at, peers);
    if (peers6.length > 0) {
      at = put(out, at, PEERS6);
      at = putString(out, at, peers6);
    }
  } else {
    at = put(out, at, LIST);
    at = putPeerDictionaries(out, at, peers, IPV4_PEER_BYTES, formatIpv4);
    at = putPeerDictionaries(out, at, peers6, IPV6_PEER_BYTES, formatIpv6);
    at = put(out, at, END);
  }
  return put(out, at, END);
}

export function scrapeReplyRoom(entries: readonly ScrapeReplyEntry[]): number {
  return FILES.length + entries.length * SCRAPE_ENTRY_ROOM + 2;
}

/**
 * The entries may come in any order; of several with one info-hash the first is written.
 * @throws {TrackerReplyError}
 */
export function encodeScrapeReply(out: Uint8Array, offset: number, entries: readonly ScrapeReplyEntry[]): number {
  requireRoom(out, offset, scrapeReplyRoom(entries));
  const sorted = entries.toSorted((a, b) => compareBytes(a.infoHash, b.infoHash));
  let at = put(out, offset, FILES);
  for (const [i, entry] of sorted.entries()) {
    if (entry.infoHash.length !== INFO_HASH_BYTES) {
      const message = `an info-hash has ${INFO_HASH_BYTES} bytes, got ${entry.infoHash.length}`;
      throw new TrackerReplyError('INVALID_REPLY', message);
    }
    if (i > 0 && compareBytes(sorted[i - 1].infoHash, entry.infoHash) === 0) continue;
    at = putString(out, at, entry.infoHash);
    at = put(out, at, COMPLETE);
    at = putDigits(out, at, entry.complete);
    at = put(out, at, DOWNLOADED);
    at = putDigits(out, at, entry.downloaded);
    at = put(out, at, INCOMPLETE);
    at = putDigits(out, at, entry.incomplete);
    at = put(out, at, END);
    at = put(out, at, END);
  }
  at = put(out, at, END);
  return put(out, at, END);
}

export function failureRoom(reason: string): number {
  return FAILURE_ROOM + UTF8_BYTES_PER_UNIT * reason.length;
}

/**
 * `failure reason`, text for people; `retryIn` is in minutes, or says that retrying is of no use (BEP 31).
 * @throws {TrackerReplyError}
 */
export function encodeFailure(out: Uint8Array, offset: number, reason: string, retryIn?: number | 'never'): number {
  requireRoom(out, offset, failureRoom(reason));
  let at = put(out, offset, FAILURE_REASON);
  at = putString(out, at, new TextEncoder().encode(reason));
  if (retryIn === 'never') {
    at = put(out, at, RETRY_IN_NEVER);
  } else if (retryIn !== undefined) {
    at = put(out, at, RETRY_IN);
    at = putDigits(out, at, retryIn);
    at = put(out, at, END);
  }
  return put(out, at, END);
}

const ascii = (text: string) => new TextEncoder().encode(text);

// What stands between the values; a piece that follows an integer starts with the integer's end.
const COMPLETE = ascii('d8:completei');
const DOWNLOADED = ascii('e10:downloadedi');
const EXTERNAL_IP = ascii('11:external ip');
const INCOMPLETE_KEY = ascii('10:incompletei');
const INCOMPLETE = ascii('e10:incompletei');
const INTERVAL = ascii('e8:intervali');
const MIN_INTERVAL = ascii('e12:min intervali');
const PEERS = ascii('e5:peers');
const PEERS6 = ascii('6:peers6');
const IP = ascii('d2:ip');
const PORT = ascii('4:porti');
const FILES = ascii('d5:filesd');
const FAILURE_REASON = ascii('d14:failure reason');
const RETRY_IN = ascii('8:retry ini');
const RETRY_IN_NEVER = ascii('8:retry in5:never');
const LIST = ascii('l');
const END = ascii('e');
const COLON = 0x3a;
const ZERO = 0x30;

// Bounds, with 16 digits for a number.
/** All of an announce but the peers themselves. */
const ANNOUNCE_ROOM = 256;
/** `d2:ip39:<address>4:porti65535ee` */
const DICTIONARY_PEER_ROOM = 64;
const SCRAPE_ENTRY_ROOM = 128;
const FAILURE_ROOM = 64;
const UTF8_BYTES_PER_UNIT = 3;

function requireRoom(out: Uint8Array, offset: number, room: number): void {
  if (out.length - offset < room) {
    throw new TrackerReplyError('NO_ROOM', `the reply may take ${room} bytes, ${out.length - offset} are left`);
  }
}

function requireWhole(name: string, bytes: Uint8Array, stride: number): void {
  if (bytes.length % stride !== 0) {
    throw new TrackerReplyError('INVALID_REPLY', `${bytes.length} bytes of ${name} are not a multiple of ${stride}`);
  }
}

function put(out: Uint8Array, at: number, piece: Uint8Array): number {
  for (let i = 0; i < piece.length; i++) out[at + i] = piece[i];
  return at + piece.length;
}

function putDigits(out: Uint8Array, at: number, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new TrackerReplyError('INVALID_REPLY', `${value} is no whole number from 0 to 2^53 - 1`);
  }
  let end = at + 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) end++;
  let rest = value;
  for (let i = end - 1; i >= at; i--) {
    const next = Math.floor(rest / 10);
    out[i] = ZERO + (rest - next * 10);
    rest = next;
  }
  return end;
}

function putString(out: Uint8Array, at: number, bytes: Uint8Array): number {
  const start = putDigits(out, at, bytes.length);
  out[start] = COLON;
  out.set(bytes, start + 1);
  return start + 1 + bytes.length;
}

/** ASCII only. */
function putText(out: Uint8Array, at: number, text: string): number {
  const start = putDigits(out, at, text.length) + 1;
  out[start - 1] = COLON;
  for (let i = 0; i < text.length; i++) out[start + i] = text.charCodeAt(i);
  return start + text.length;
}

function putPeerDictionaries(
  out: Uint8Array,
  offset: number,
  peers: Uint8Array,
  stride: number,
  format: (bytes: Uint8Array, offset: number) => string,
): number {
  let at = offset;
  for (let peer = 0; peer < peers.length; peer += stride) {
    at = put(out, at, IP);
    at = putText(out, at, format(peers, peer));
    at = put(out, at, PORT);
    at = putDigits(out, at, (peers[peer + stride - 2] << 8) | peers[peer + stride - 1]);
    at = put(out, at, END);
    at = put(out, at, END);
  }
  return at;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}
