// The client's side of an HTTP tracker: the URL of an announce, and what the tracker replies. Compact peers (BEP 23), IPv6
// peers (BEP 7), the client's address (BEP 24), and how long to stay away after a failure (BEP 31). The server's side
// is http-query.ts and http-reply.ts.

import { BencodeDictionary, type BencodeValue, decodeDictionary } from './bencode.ts';
import {
  type AddressFamily,
  formatIpv4,
  formatIpv6,
  IPV4_BYTES,
  IPV4_PEER_BYTES,
  IPV6_BYTES,
  IPV6_PEER_BYTES,
  type PeerAddress,
  parseIp,
  readCompactPeers,
} from './compact-peers.ts';
import { type ContentQuery, formatContentQuery } from './content-query.ts';
import { percentEncode } from './percent-encoding.ts';

export const MAX_TRACKER_REPLY_BYTES = 1024 * 1024;
/** Of one reply; a client asks for a tenth of it. */
export const MAX_REPLY_PEERS = 2000;
export const MAX_REPLY_TEXT_CHARACTERS = 1000;
/** What a reply that names no interval, or an absurd one, comes to. */
export const DEFAULT_INTERVAL_SECONDS = 1800;
export const MAX_INTERVAL_SECONDS = 24 * 60 * 60;

/** What a client tells of itself. Counts are bytes. */
export interface HttpAnnounce {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  readonly port: number;
  readonly uploaded: number;
  readonly downloaded: number;
  readonly left: number;
  readonly event?: 'started' | 'completed' | 'stopped';
  readonly numWant?: number;
  /** Tells the client apart when its address changes. */
  readonly key?: number;
  /** What the tracker said last. */
  readonly trackerId?: Uint8Array;
  /** For trackers of ours. */
  readonly content?: ContentQuery;
}

export interface HttpAnnounceReply {
  readonly intervalSeconds: number;
  readonly minIntervalSeconds: number | undefined;
  /** Of both families, without port 0 and without names. */
  readonly peers: readonly PeerAddress[];
  readonly seeders: number | undefined;
  readonly leechers: number | undefined;
  readonly trackerId: Uint8Array | undefined;
  readonly warning: string | undefined;
  /** This client as the tracker sees it. */
  readonly externalHost: string | undefined;
}

export type HttpTrackerErrorCode = 'INVALID_URL' | 'MALFORMED_REPLY' | 'REFUSED';

export class HttpTrackerError extends Error {
  readonly code: HttpTrackerErrorCode;
  /** Of a refusal: when to ask again, `never`, or undefined where the tracker does not say (BEP 31). */
  readonly retryAfterSeconds: number | 'never' | undefined;
  override readonly name = 'HttpTrackerError';

  constructor(code: HttpTrackerErrorCode, message: string, retryAfterSeconds?: number | 'never') {
    super(message);
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/**
 * The URL to ask; a query that the tracker's own URL has (a passkey) goes before.
 * @throws {HttpTrackerError} INVALID_URL
 */
export function announceUrl(tracker: string, announce: HttpAnnounce): string {
  if (!/^https?:\/\/[^\s#]+/i.test(tracker)) {
    throw new HttpTrackerError('INVALID_URL', `${JSON.stringify(tracker)} is no address of an HTTP tracker`);
  }
  const base = tracker.replace(/#.*$/s, '');
  const fields = [
    `info_hash=${percentEncode(announce.infoHash)}`,
    `peer_id=${percentEncode(announce.peerId)}`,
    `port=${announce.port}`,
    `uploaded=${announce.uploaded}`,
    `downloaded=${announce.downloaded}`,
    `left=${announce.left}`,
    'compact=1',
  ];
  if (announce.event !== undefined) fields.push(`event=${announce.event}`);
  if (announce.numWant !== undefined) fields.push(`numwant=${announce.numWant}`);
  if (announce.key !== undefined) fields.push(`key=${(announce.key >>> 0).toString(16).padStart(8, '0')}`);
  if (announce.trackerId !== undefined) fields.push(`trackerid=${percentEncode(announce.trackerId)}`);
  const content = announce.content === undefined ? '' : formatContentQuery(announce.content).slice(1);
  if (content !== '') fields.push(content);
  const joint = !base.includes('?') ? '?' : /[?&]$/.test(base) ? '' : '&';
  return base + joint + fields.join('&');
}

/**
 * The body of a tracker's reply, whatever its HTTP status.
 * @throws {HttpTrackerError} REFUSED with the tracker's reason, MALFORMED_REPLY
 */
export function parseAnnounceReply(body: Uint8Array): HttpAnnounceReply {
  const reply = readReply(body);
  const { peers, peers6 } = { peers: reply.get('peers'), peers6: reply.get('peers6') };
  const warning = reply.get('warning message');
  const trackerId = reply.get('tracker id');
  const external = reply.get('external ip');
  return {
    intervalSeconds: seconds(reply.get('interval')) ?? DEFAULT_INTERVAL_SECONDS,
    minIntervalSeconds: seconds(reply.get('min interval')),
    peers: [...readPeers('peers', peers, 4), ...readPeers('peers6', peers6, 6)].slice(0, MAX_REPLY_PEERS),
    seeders: count(reply.get('complete')),
    leechers: count(reply.get('incomplete')),
    trackerId: trackerId instanceof Uint8Array ? trackerId.slice(0, MAX_REPLY_TEXT_CHARACTERS) : undefined,
    warning: warning instanceof Uint8Array ? text(warning) : undefined,
    externalHost: external instanceof Uint8Array ? formatIp(external) : undefined,
  };
}

/** A dictionary that is no failure. */
function readReply(body: Uint8Array): BencodeDictionary {
  let reply: BencodeDictionary;
  try {
    // Trackers in wide use write the keys in whatever order.
    reply = decodeDictionary(body, { maxBytes: MAX_TRACKER_REPLY_BYTES, anyOrder: true });
  } catch (error) {
    throw new HttpTrackerError(
      'MALFORMED_REPLY',
      `the tracker's reply is no bencoded dictionary: ${(error as Error).message}`,
    );
  }
  const failure = reply.get('failure reason');
  if (failure instanceof Uint8Array) {
    const retry = reply.get('retry in');
    throw new HttpTrackerError('REFUSED', `the tracker refused: ${text(failure)}`, retrySeconds(retry));
  }
  return reply;
}

/** BEP 31: minutes, or `never`; some trackers write the number as a string. */
function retrySeconds(value: BencodeValue | undefined): number | 'never' | undefined {
  const minutes = value instanceof Uint8Array ? text(value) : value;
  if (minutes === 'never') return 'never';
  if (typeof minutes === 'string' && !/^[0-9]+$/.test(minutes)) return undefined;
  return typeof minutes === 'string' || typeof minutes === 'number' ? seconds(Number(minutes) * 60) : undefined;
}

/** Compact, or a list of dictionaries (BEP 3), in which some trackers put IPv6 addresses too. */
function readPeers(key: string, value: BencodeValue | undefined, family: AddressFamily): PeerAddress[] {
  if (value === undefined) return [];
  if (value instanceof Uint8Array) {
    const stride = family === 4 ? IPV4_PEER_BYTES : IPV6_PEER_BYTES;
    if (value.length % stride !== 0) {
      throw new HttpTrackerError('MALFORMED_REPLY', `'${key}' has ${value.length} bytes, not a multiple of ${stride}`);
    }
    return readCompactPeers(value.subarray(0, MAX_REPLY_PEERS * stride), family).filter(({ port }) => port !== 0);
  }
  if (!Array.isArray(value)) throw new HttpTrackerError('MALFORMED_REPLY', `'${key}' is neither a string nor a list`);
  return value.slice(0, MAX_REPLY_PEERS).flatMap((entry): PeerAddress[] => {
    if (!(entry instanceof BencodeDictionary)) return [];
    const ip = entry.get('ip');
    const port = entry.get('port');
    // Names are left out: looking up a stranger's names tells strangers who asks.
    const bytes = ip instanceof Uint8Array ? parseIp(text(ip)) : undefined;
    const host = bytes === undefined ? undefined : formatIp(bytes);
    if (host === undefined || typeof port !== 'number' || port < 1 || port > 65_535) return [];
    return [{ host, port }];
  });
}

function formatIp(bytes: Uint8Array): string | undefined {
  if (bytes.length === IPV4_BYTES) return formatIpv4(bytes);
  return bytes.length === IPV6_BYTES ? formatIpv6(bytes) : undefined;
}

function seconds(value: BencodeValue | undefined): number | undefined {
  return typeof value === 'number' && value > 0 ? Math.min(value, MAX_INTERVAL_SECONDS) : undefined;
}

function count(value: BencodeValue | undefined): number | undefined {
  return typeof value === 'number' && value >= 0 ? value : undefined;
}

/** For people, on one line. */
function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.subarray(0, MAX_REPLY_TEXT_CHARACTERS)).replaceAll(/\p{Cc}+/gu, ' ');
}
