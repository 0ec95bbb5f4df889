// BEP 10: extended messages. Each side names the extensions that it takes and gives each a number; whoever sends one uses the
// receiver's number. The handshake, number 0, also says how many requests it keeps waiting, how large the metadata
// is (BEP 9), and where it listens.

import { BencodeDictionary, type BencodeInput, type BencodeValue, decodePrefix, encode } from './bencode.ts';
import { formatIpv4, formatIpv6, IPV4_BYTES, IPV6_BYTES, parseIp } from './compact-peers.ts';

export const EXTENDED_HANDSHAKE = 0;
/** BEP 9. */
export const UT_METADATA = 'ut_metadata';
/** BEP 11. */
export const UT_PEX = 'ut_pex';
/** BEP 54. */
export const LT_DONTHAVE = 'lt_donthave';
/** `lt_donthave` is a piece index: 4 bytes. */
export const DONTHAVE_BYTES = 4;

/** Requests that a peer keeps waiting when it does not say: what libtorrent assumes. */
export const DEFAULT_REQUEST_QUEUE = 250;
export const MAX_REQUEST_QUEUE = 2000;
export const MAX_EXTENSIONS = 100;
export const MAX_CLIENT_NAME_CHARACTERS = 64;

export interface ExtendedHandshake {
  /** The number of each extension that the sender takes, 1 to 255; 0 takes an earlier number back. */
  readonly extensions: ReadonlyMap<string, number>;
  /** Name and version of the client. */
  readonly client?: string;
  /** The port on which the sender listens. */
  readonly port?: number;
  /** Requests that the sender keeps waiting, 1 to MAX_REQUEST_QUEUE. */
  readonly requestQueue?: number;
  /** Bytes of the info dictionary (BEP 9). */
  readonly metadataBytes?: number;
  /** The receiver's address as the sender sees it. */
  readonly yourHost?: string;
  /** The sender wants nothing, now or ever (BEP 21). */
  readonly uploadOnly?: boolean;
}

export class ExtensionProtocolError extends Error {
  readonly code = 'MALFORMED_EXTENDED_MESSAGE';
  override readonly name = 'ExtensionProtocolError';
}

/** The payload of a handshake. */
export function encodeExtendedHandshake(handshake: ExtendedHandshake): Uint8Array {
  return encode({
    m: new Map(handshake.extensions),
    v: handshake.client,
    p: handshake.port,
    reqq: handshake.requestQueue,
    metadata_size: handshake.metadataBytes,
    yourip: handshake.yourHost === undefined ? undefined : parseIp(handshake.yourHost),
    upload_only: handshake.uploadOnly === undefined ? undefined : Number(handshake.uploadOnly),
  } satisfies { [key: string]: BencodeInput | undefined });
}

/**
 * Reads the payload of a handshake; fields that are wrong are left out.
 * @throws {ExtensionProtocolError} it is no dictionary
 */
export function parseExtendedHandshake(payload: Uint8Array): ExtendedHandshake {
  const { dictionary } = readExtendedDictionary(payload);
  const extensions = new Map<string, number>();
  const m = dictionary.get('m');
  if (m instanceof BencodeDictionary) {
    for (const [name, number] of m) {
      if (extensions.size === MAX_EXTENSIONS) break;
      if (typeof number === 'number' && number >= 0 && number <= 255) extensions.set(name, number);
    }
  }
  const client = dictionary.get('v');
  const yourIp = dictionary.get('yourip');
  const port = within(dictionary.get('p'), 1, 65_535);
  const requestQueue = within(dictionary.get('reqq'), 1, Number.MAX_SAFE_INTEGER);
  const metadataBytes = within(dictionary.get('metadata_size'), 1, Number.MAX_SAFE_INTEGER);
  const uploadOnly = dictionary.get('upload_only');
  const yourHost = yourIp instanceof Uint8Array ? formatHost(yourIp) : undefined;
  return {
    extensions,
    ...(client instanceof Uint8Array ? { client: clientName(client) } : {}),
    ...(port !== undefined ? { port } : {}),
    ...(requestQueue !== undefined ? { requestQueue: Math.min(requestQueue, MAX_REQUEST_QUEUE) } : {}),
    ...(metadataBytes !== undefined ? { metadataBytes } : {}),
    ...(yourHost !== undefined ? { yourHost } : {}),
    ...(typeof uploadOnly === 'number' ? { uploadOnly: uploadOnly !== 0 } : {}),
  };
}

/**
 * The dictionary that an extended message begins with, and where it ends.
 * @throws {ExtensionProtocolError}
 */
export function readExtendedDictionary(payload: Uint8Array): { dictionary: BencodeDictionary; end: number } {
  let value: BencodeValue;
  let end: number;
  try {
    ({ value, end } = decodePrefix(payload, { maxDepth: MAX_DEPTH, maxValues: MAX_VALUES, anyOrder: true }));
  } catch (error) {
    throw new ExtensionProtocolError(`an extended message is not bencoded: ${(error as Error).message}`);
  }
  if (value instanceof BencodeDictionary) return { dictionary: value, end };
  throw new ExtensionProtocolError('an extended message begins with no dictionary');
}

/** A whole number from `least` to `most`, or undefined. */
export function within(value: BencodeValue | undefined, least: number, most: number): number | undefined {
  return typeof value === 'number' && value >= least && value <= most ? value : undefined;
}

const MAX_DEPTH = 10;
const MAX_VALUES = 2_000;

/** On one line of a terminal, whatever the peer put there. */
function clientName(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes.subarray(0, 4 * MAX_CLIENT_NAME_CHARACTERS));
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').slice(0, MAX_CLIENT_NAME_CHARACTERS);
}

function formatHost(bytes: Uint8Array): string | undefined {
  if (bytes.length === IPV4_BYTES) return formatIpv4(bytes);
  return bytes.length === IPV6_BYTES ? formatIpv6(bytes) : undefined;
}
