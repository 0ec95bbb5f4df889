// Queries of an HTTP tracker: /announce (BEP 3, with `compact` of BEP 23, `event=paused` of BEP 21 and our `name` and
// `size`) and /scrape (BEP 48).
//
// This runs once a request, so it goes over the text once, by character codes, and makes no intermediate strings.
// The text is a byte string as Node gives it in `request.url`. Keys are compared as they are written: no client escapes
// them. Known keys may stand once, in any order; unknown ones are skipped unread.

import { decodeContentName, decodeContentSize } from './content-query.ts';
import { INFO_HASH_BYTES } from './info-hash.ts';
import { BAD_ESCAPE, NO_ROOM, percentDecode } from './percent-encoding.ts';

/** A longer query is refused unread. A name of 255 bytes, all escaped, is 765 characters of it. */
export const MAX_ANNOUNCE_QUERY_LENGTH = 4096;
/** Fits MAX_HTTP_SCRAPE_HASHES info-hashes with every byte escaped. */
export const MAX_SCRAPE_QUERY_LENGTH = 8192;
export const MAX_HTTP_SCRAPE_HASHES = 100;
/** Of `key`, `trackerid`, `ip` and `ipv6`, in bytes. */
export const MAX_TEXT_VALUE_BYTES = 255;

export type AnnounceEvent = 'none' | 'started' | 'completed' | 'stopped';

export interface AnnounceQuery {
  /** 20 bytes. */
  infoHash: Uint8Array;
  /** 20 bytes. */
  peerId: Uint8Array;
  port: number;
  /** Bytes; 0 when absent. Like all numbers here, at most 2^53 - 1: larger ones come out as that. */
  uploaded: number;
  downloaded: number;
  /** Bytes; UNKNOWN_LEFT when absent or -1, which makes the peer a leecher. */
  left: number;
  event: AnnounceEvent;
  /** False only for `compact=0` (BEP 23 suggests the compact form by default). */
  compact: boolean;
  noPeerId: boolean;
  /** Undefined leaves it to the tracker: absent, or -1 as in BEP 15. Not clamped. */
  numWant: number | undefined;
  /** One character a byte, as are `trackerId`, `ip` and `ipv6`. */
  key: string | undefined;
  trackerId: string | undefined;
  /** What the client says of its addresses, unchecked: an address, a name, or (BEP 7, early form) address and port. */
  ip: string | undefined;
  ipv6: string | undefined;
  /** Of the content, from our own peers; see content-query.ts. */
  name: string | undefined;
  size: number | undefined;
}

/** `left` of a peer that does not know it yet, as with a magnet link. */
export const UNKNOWN_LEFT = Number.MAX_SAFE_INTEGER;

/** A request that the tracker answers with its message as `failure reason`. */
export class TrackerRequestError extends Error {
  readonly code = 'INVALID_TRACKER_REQUEST';
  override readonly name = 'TrackerRequestError';
}

/**
 * The announce in text[start, end of text), where `start` is behind the '?'.
 * @throws {TrackerRequestError} when info_hash, peer_id or port is missing, or anything known is malformed or repeated.
 */
export function parseAnnounceQuery(text: string, start = 0): AnnounceQuery {
  requireLength(text, start, MAX_ANNOUNCE_QUERY_LENGTH);
  const query: AnnounceQuery = {
    infoHash: NO_BYTES,
    peerId: NO_BYTES,
    port: -1,
    uploaded: 0,
    downloaded: 0,
    left: UNKNOWN_LEFT,
    event: 'none',
    compact: true,
    noPeerId: false,
    numWant: undefined,
    key: undefined,
    trackerId: undefined,
    ip: undefined,
    ipv6: undefined,
    name: undefined,
    size: undefined,
  };
  let seen = 0;
  for (let at = start; at < text.length; ) {
    const end = endOfField(text, at);
    const equals = endOfKey(text, at, end);
    const key = knownKey(text, at, equals);
    if (key !== UNKNOWN_KEY) {
      const bit = 1 << key;
      // Name and size are a courtesy: like anything else wrong with them, repeating them is no failure.
      if ((seen & bit) === 0) readField(query, key, text, Math.min(equals + 1, end), end);
      else if (key < NAME) throw new TrackerRequestError(`${text.slice(at, equals)} is given more than once`);
      seen |= bit;
    }
    at = end + 1;
  }
  requireField(seen, INFO_HASH);
  requireField(seen, PEER_ID);
  requireField(seen, PORT);
  return query;
}

/**
 * The 1 to MAX_HTTP_SCRAPE_HASHES info-hashes, of 20 bytes each, that a scrape names, in its order. Other keys are skipped.
 * @throws {TrackerRequestError} for none, too many or malformed ones.
 */
export function parseScrapeQuery(text: string, start = 0): Uint8Array[] {
  requireLength(text, start, MAX_SCRAPE_QUERY_LENGTH);
  const infoHashes: Uint8Array[] = [];
  for (let at = start; at < text.length; ) {
    const end = endOfField(text, at);
    const equals = endOfKey(text, at, end);
    if (knownKey(text, at, equals) === INFO_HASH) {
      if (infoHashes.length === MAX_HTTP_SCRAPE_HASHES) {
        throw new TrackerRequestError(`a scrape names at most ${MAX_HTTP_SCRAPE_HASHES} info-hashes; split it`);
      }
      infoHashes.push(readId('info_hash', text, Math.min(equals + 1, end), end));
    }
    at = end + 1;
  }
  if (infoHashes.length === 0) throw new TrackerRequestError('info_hash is missing; a scrape names at least one');
  return infoHashes;
}

// The known keys are small numbers, so that a bit set tells which were seen. NAME and SIZE come last.
const INFO_HASH = 0;
const PEER_ID = 1;
const PORT = 2;
const UPLOADED = 3;
const DOWNLOADED = 4;
const LEFT = 5;
const EVENT = 6;
const COMPACT = 7;
const NO_PEER_ID = 8;
const NUM_WANT = 9;
const KEY = 10;
const TRACKER_ID = 11;
const IP = 12;
const IPV6 = 13;
const NAME = 14;
const SIZE = 15;
const UNKNOWN_KEY = -1;
/** Their spelling, by number. */
const KEYS = [
  'info_hash',
  'peer_id',
  'port',
  'uploaded',
  'downloaded',
  'left',
  'event',
  'compact',
  'no_peer_id',
  'numwant',
  'key',
  'trackerid',
  'ip',
  'ipv6',
  'name',
  'size',
] as const;
/** The numbers of the keys of each length: at most five, most often one. */
const KEYS_BY_LENGTH: readonly (readonly number[] | undefined)[] = Array.from({ length: 11 }, (_, length) =>
  [...KEYS.keys()].filter((key) => KEYS[key].length === length),
);

const NO_BYTES = new Uint8Array(0);
const EQUALS = 0x3d;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
/** 2^64 - 1 has 20. */
const MAX_DIGITS = 20;
/** Scratch of one call; never handed out. */
const idBytes = new Uint8Array(INFO_HASH_BYTES);
const textBytes = new Uint8Array(MAX_TEXT_VALUE_BYTES);

function readField(query: AnnounceQuery, key: number, text: string, start: number, end: number): void {
  switch (key) {
    case INFO_HASH:
      query.infoHash = readId('info_hash', text, start, end);
      break;
    case PEER_ID:
      query.peerId = readId('peer_id', text, start, end);
      break;
    case PORT:
      query.port = readNumber(key, text, start, end);
      if (query.port > 0xffff) throw new TrackerRequestError('port is above 65535');
      break;
    case UPLOADED:
      query.uploaded = readNumber(key, text, start, end);
      break;
    case DOWNLOADED:
      query.downloaded = readNumber(key, text, start, end);
      break;
    case LEFT:
      if (!isMinusOne(text, start, end)) query.left = readNumber(key, text, start, end);
      break;
    case EVENT:
      query.event = readEvent(text, start, end);
      break;
    case COMPACT:
      query.compact = readFlag(key, text, start, end);
      break;
    case NO_PEER_ID:
      query.noPeerId = readFlag(key, text, start, end);
      break;
    case NUM_WANT:
      if (!isMinusOne(text, start, end)) query.numWant = readNumber(key, text, start, end);
      break;
    case KEY:
      query.key = readText(key, text, start, end);
      break;
    case TRACKER_ID:
      query.trackerId = readText(key, text, start, end);
      break;
    case IP:
      query.ip = readText(key, text, start, end);
      break;
    case IPV6:
      query.ipv6 = readText(key, text, start, end);
      break;
    case NAME:
      query.name = decodeContentName(text, start, end);
      break;
    case SIZE:
      query.size = decodeContentSize(text, start, end);
      break;
  }
}

function endOfField(text: string, start: number): number {
  const ampersand = text.indexOf('&', start);
  return ampersand < 0 ? text.length : ampersand;
}

function endOfKey(text: string, start: number, end: number): number {
  let at = start;
  while (at < end && text.charCodeAt(at) !== EQUALS) at++;
  return at;
}

function knownKey(text: string, start: number, end: number): number {
  const candidates = KEYS_BY_LENGTH[end - start];
  if (candidates === undefined) return UNKNOWN_KEY;
  for (const key of candidates) if (text.startsWith(KEYS[key], start)) return key;
  return UNKNOWN_KEY;
}

function readId(name: string, text: string, start: number, end: number): Uint8Array {
  const length = percentDecode(text, start, end, idBytes);
  if (length === BAD_ESCAPE) throw new TrackerRequestError(`${name} has a bad percent-escape`);
  if (length !== INFO_HASH_BYTES) {
    const got = length === NO_ROOM ? 'more' : `${length}`;
    throw new TrackerRequestError(`${name} must be ${INFO_HASH_BYTES} bytes once unescaped, got ${got}`);
  }
  return idBytes.slice();
}

function readNumber(key: number, text: string, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code < ZERO || code > NINE) throw notANumber(key);
    value = value * 10 + (code - ZERO);
  }
  if (start === end || end - start > MAX_DIGITS) throw notANumber(key);
  return Math.min(value, Number.MAX_SAFE_INTEGER);
}

function notANumber(key: number): TrackerRequestError {
  return new TrackerRequestError(`${KEYS[key]} must be a whole number of 1 to ${MAX_DIGITS} digits`);
}

function isMinusOne(text: string, start: number, end: number): boolean {
  return end - start === 2 && text.charCodeAt(start) === MINUS && text.charCodeAt(start + 1) === ZERO + 1;
}

function readEvent(text: string, start: number, end: number): AnnounceEvent {
  switch (end - start) {
    case 0:
      return 'none';
    case 6:
      // BEP 21: a partial seed; it goes on as a peer that waits.
      if (text.startsWith('paused', start)) return 'none';
      break;
    case 7:
      if (text.startsWith('started', start)) return 'started';
      if (text.startsWith('stopped', start)) return 'stopped';
      break;
    case 9:
      if (text.startsWith('completed', start)) return 'completed';
      break;
  }
  throw new TrackerRequestError('event must be started, completed, stopped, paused or empty');
}

function readFlag(key: number, text: string, start: number, end: number): boolean {
  const digit = text.charCodeAt(start) - ZERO;
  if (end - start !== 1 || (digit !== 0 && digit !== 1)) throw new TrackerRequestError(`${KEYS[key]} must be 0 or 1`);
  return digit === 1;
}

function readText(key: number, text: string, start: number, end: number): string {
  const length = percentDecode(text, start, end, textBytes);
  if (length === BAD_ESCAPE) throw new TrackerRequestError(`${KEYS[key]} has a bad percent-escape`);
  if (length === NO_ROOM) throw new TrackerRequestError(`${KEYS[key]} has more than ${MAX_TEXT_VALUE_BYTES} bytes`);
  let value = '';
  for (let i = 0; i < length; i++) value += String.fromCharCode(textBytes[i]);
  return value;
}

function requireLength(text: string, start: number, most: number): void {
  if (text.length - start > most) {
    throw new TrackerRequestError(`the query has ${text.length - start} characters; at most ${most} are read`);
  }
}

function requireField(seen: number, key: number): void {
  if ((seen & (1 << key)) === 0) throw new TrackerRequestError(`${KEYS[key]} is missing`);
}
