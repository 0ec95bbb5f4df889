// Magnet links (BEP 9): an info-hash, and what helps to find its peers. `xt=urn:btih:` holds the hash in hexadecimal or
// base32, `dn` a name, `tr` trackers, `x.pe` peers, `so` the files wanted (BEP 53), `xl` the size. What else stands
// there, and what is wrong beside the hash, is left out: the hash alone is enough to begin.

import { formatInfoHash, INFO_HASH_BYTES, INFO_HASH_DIGITS, parseInfoHash } from './info-hash.ts';

export const MAX_MAGNET_CHARACTERS = 64 * 1024;
export const MAX_MAGNET_TRACKERS = 100;
export const MAX_MAGNET_PEERS = 200;
export const MAX_MAGNET_RANGES = 10_000;
export const MAX_NAME_CHARACTERS = 255;

/** Where a peer may be; `host` is an address, without brackets, or a name. */
export interface PeerEndpoint {
  readonly host: string;
  readonly port: number;
}

/** Places of files in the torrent, the first and the last, from 0. */
export type FileRange = readonly [first: number, last: number];

export interface Magnet {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  readonly name?: string;
  /** Bytes. */
  readonly size?: number;
  readonly trackers: readonly string[];
  readonly peers: readonly PeerEndpoint[];
  /** The files wanted; all when it is not there (BEP 53). */
  readonly selectOnly?: readonly FileRange[];
}

export type MagnetErrorCode =
  | 'NOT_A_MAGNET'
  | 'TOO_LONG'
  | 'NO_INFO_HASH'
  | 'INVALID_INFO_HASH'
  | 'UNSUPPORTED_VERSION';

export class MagnetError extends Error {
  readonly code: MagnetErrorCode;
  override readonly name = 'MagnetError';

  constructor(code: MagnetErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** @throws {MagnetError} */
export function parseMagnet(uri: string): Magnet {
  if (uri.length > MAX_MAGNET_CHARACTERS) {
    throw new MagnetError(
      'TOO_LONG',
      `a magnet link of ${uri.length} characters; at most ${MAX_MAGNET_CHARACTERS} are read`,
    );
  }
  const query = /^magnet:\?(.*)$/is.exec(uri.trim())?.[1];
  if (query === undefined) throw new MagnetError('NOT_A_MAGNET', "a magnet link begins with 'magnet:?'");
  const fields = readFields(query);
  const infoHash = readTopics(fields.get('xt') ?? []);
  const name = fields.get('dn')?.[0]?.replaceAll(CONTROL_CHARACTERS, '').slice(0, MAX_NAME_CHARACTERS);
  const size = Number(DECIMAL.exec(fields.get('xl')?.[0] ?? '')?.[0] ?? Number.NaN);
  const ranges = fields.get('so')?.flatMap(readRanges);
  return {
    infoHash,
    ...(name ? { name } : {}),
    ...(Number.isSafeInteger(size) ? { size } : {}),
    trackers: [...new Set(fields.get('tr')?.filter((url) => TRACKER_URL.test(url)))].slice(0, MAX_MAGNET_TRACKERS),
    peers: (fields.get('x.pe') ?? []).flatMap((text) => parseEndpoint(text) ?? []).slice(0, MAX_MAGNET_PEERS),
    ...(ranges?.length ? { selectOnly: ranges.slice(0, MAX_MAGNET_RANGES) } : {}),
  };
}

/** The link that `parseMagnet` reads. */
export function formatMagnet(magnet: Magnet): string {
  const fields = [`xt=urn:btih:${formatInfoHash(magnet.infoHash)}`];
  if (magnet.name !== undefined) fields.push(`dn=${encodeURIComponent(magnet.name)}`);
  if (magnet.size !== undefined) fields.push(`xl=${magnet.size}`);
  for (const tracker of magnet.trackers) fields.push(`tr=${encodeURIComponent(tracker)}`);
  for (const peer of magnet.peers) fields.push(`x.pe=${formatEndpoint(peer)}`);
  if (magnet.selectOnly?.length) {
    fields.push(
      `so=${magnet.selectOnly.map(([first, last]) => (first === last ? first : `${first}-${last}`)).join(',')}`,
    );
  }
  return `magnet:?${fields.join('&')}`;
}

/** `host:port`, `[IPv6]:port`; undefined for anything else, port 0 included. */
export function parseEndpoint(text: string): PeerEndpoint | undefined {
  const match = ENDPOINT.exec(text);
  if (!match) return undefined;
  const [, ipv6, host, digits] = match;
  const port = Number(digits);
  return port >= 1 && port <= 65_535 ? { host: ipv6 ?? host, port } : undefined;
}

export function formatEndpoint({ host, port }: PeerEndpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

const TRACKER_URL = /^(?:udp|https?):\/\/\S+$/i;
const ENDPOINT = /^(?:\[([0-9a-fA-F:.]{2,45})\]|([A-Za-z0-9._-]{1,253})):([0-9]{1,5})$/;
const DECIMAL = /^(?:0|[1-9][0-9]{0,15})$/;
const RANGE = /^([0-9]{1,9})(?:-([0-9]{1,9}))?$/;
const CONTROL_CHARACTERS = /\p{Cc}/gu;
const BTIH = 'urn:btih:';
const BTMH = 'urn:btmh:';
const BASE32_CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const BASE32_DIGITS = (INFO_HASH_BYTES * 8) / 5;

/** Values by key, in order. `tr.1` is one more `tr`; a value that is no percent-encoded UTF-8 is left out. */
function readFields(query: string): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  for (const field of query.split('&')) {
    const equals = field.indexOf('=');
    if (equals < 0) continue;
    const key = field
      .slice(0, equals)
      .toLowerCase()
      .replace(/\.\d+$/, '');
    const value = decode(field.slice(equals + 1));
    if (value === undefined) continue;
    const values = fields.get(key);
    if (values) values.push(value);
    else fields.set(key, [value]);
  }
  return fields;
}

/** Forms put '+' for a blank, and so do many sites. */
function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

/** A link for both versions has a topic of each; any order. */
function readTopics(topics: readonly string[]): Uint8Array {
  const topic = topics.find((text) => text.toLowerCase().startsWith(BTIH));
  if (topic !== undefined) return readHash(topic.slice(BTIH.length));
  if (topics.some((text) => text.toLowerCase().startsWith(BTMH))) {
    throw new MagnetError(
      'UNSUPPORTED_VERSION',
      'the magnet link names a torrent of version 2 only; version 1 is read',
    );
  }
  throw new MagnetError('NO_INFO_HASH', "the magnet link has no info-hash ('xt=urn:btih:...')");
}

function readHash(text: string): Uint8Array {
  if (text.length === BASE32_DIGITS) {
    const bytes = parseBase32(text.toUpperCase());
    if (bytes) return bytes;
  } else if (/^[0-9a-f]+$/i.test(text) && text.length === INFO_HASH_DIGITS) {
    return parseInfoHash(text);
  }
  throw new MagnetError(
    'INVALID_INFO_HASH',
    `the info-hash of a magnet link has ${INFO_HASH_DIGITS} hexadecimal or ${BASE32_DIGITS} base32 digits`,
  );
}

/** RFC 4648 §6; 32 digits make 20 bytes with nothing left over. */
function parseBase32(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(INFO_HASH_BYTES);
  let at = 0;
  let bits = 0;
  let value = 0;
  for (const digit of text) {
    const digitValue = BASE32_CHARACTERS.indexOf(digit);
    if (digitValue < 0) return undefined;
    value = ((value << 5) | digitValue) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (value >> bits) & 0xff;
    }
  }
  return bytes;
}

function readRanges(text: string): FileRange[] {
  return text
    .split(',')
    .slice(0, MAX_MAGNET_RANGES)
    .flatMap((part): FileRange[] => {
      const match = RANGE.exec(part.trim());
      if (!match) return [];
      const first = Number(match[1]);
      const last = match[2] === undefined ? first : Number(match[2]);
      return last >= first ? [[first, last]] : [];
    });
}
