import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { MAX_URL_DATA_BYTES } from '../../bittorrent/bep41.ts';
import type { AddressFamily } from '../../bittorrent/compact-peers.ts';
import { TrackerError } from './tracker-error.ts';
import { within } from './within.ts';

export const LOOKUP_TIMEOUT_MS = 10_000;

export interface TrackerUrl {
  readonly protocol: 'udp' | 'http' | 'https';
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Path and query as they are written: UDP trackers are told too (BEP 41). */
  readonly path: string;
  readonly href: string;
}

/** @throws {TrackerError} INVALID_URL */
export function parseTrackerUrl(text: string): TrackerUrl {
  const [, scheme, authority, rest = ''] = TRACKER_URL.exec(text) ?? [];
  const protocol = scheme?.toLowerCase() as TrackerUrl['protocol'] | undefined;
  // As a URL of the web, since `udp:` is none: its rules for names, addresses and ports are wanted here.
  const url = authority === undefined ? null : URL.parse(`${protocol === 'https' ? 'https' : 'http'}://${authority}/`);
  const digits = /:(\d+)$/.exec(authority ?? '')?.[1];
  const port = Number(digits ?? DEFAULT_PORTS[protocol ?? 'udp']);
  const path = rest.toWellFormed().replaceAll(/[^\x21-\x7e]/gu, encodeURIComponent);
  if (protocol === undefined || url === null || port === 0 || path.length > MAX_URL_DATA_BYTES) {
    throw new TrackerError(
      'INVALID_URL',
      `${JSON.stringify(text.slice(0, MAX_SHOWN))} is no tracker's address: give udp://HOST:PORT, http://... or https://...`,
    );
  }
  return { protocol, host: url.hostname.replace(/^\[|\]$/g, ''), port, path, href: text };
}

/** All addresses of a name, as the system orders them. */
export type LookUp = (name: string) => Promise<readonly { readonly address: string; readonly family: number }[]>;

/**
 * The first address of each family that the host has.
 * @throws {TrackerError} UNREACHABLE the name is not known; STOPPED
 */
export async function addressesOf(
  host: string,
  signal: AbortSignal,
  lookUp: LookUp = (name) => lookup(name, { all: true }),
): Promise<ReadonlyMap<AddressFamily, string>> {
  const family = isIP(host);
  if (family !== 0) return new Map([[family as AddressFamily, host]]);
  const found = await within(
    LOOKUP_TIMEOUT_MS,
    signal,
    lookUp(host).catch((error: NodeJS.ErrnoException) => error),
  );
  if (found === undefined || found instanceof Error) {
    throw new TrackerError(
      'UNREACHABLE',
      `the tracker's name ${host} cannot be looked up: ${found?.code ?? 'no answer'}`,
    );
  }
  const addresses = new Map<AddressFamily, string>();
  for (const each of found) {
    const key = each.family as AddressFamily;
    if (!addresses.has(key)) addresses.set(key, each.address);
  }
  return addresses;
}

/** A UDP tracker has none. */
const DEFAULT_PORTS = { udp: 0, http: 80, https: 443 };
const TRACKER_URL = /^(udp|https?):\/\/([^\s/?#]+)([^\s#]*)(?:#\S*)?$/i;
const MAX_SHOWN = 200;
