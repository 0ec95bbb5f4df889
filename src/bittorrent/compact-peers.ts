// Peers as trackers and peers exchange them: 4 bytes of IPv4 address and 2 of port (BEP 23), or 16 bytes of IPv6
// address and 2 of port (BEP 7), most significant byte first; and the text form of those addresses.

export const IPV4_BYTES = 4;
export const IPV6_BYTES = 16;
export const PORT_BYTES = 2;
export const IPV4_PEER_BYTES = IPV4_BYTES + PORT_BYTES;
export const IPV6_PEER_BYTES = IPV6_BYTES + PORT_BYTES;

export type AddressFamily = 4 | 6;

/** `host` is an address, never a name: dotted quad, or RFC 5952 text without brackets. */
export interface PeerAddress {
  host: string;
  port: number;
}

export class CompactPeersError extends Error {
  readonly code = 'INVALID_COMPACT_PEERS';
  override readonly name = 'CompactPeersError';
}

/**
 * Writes one compact peer at `offset` and returns the offset behind it.
 * `ip` has 4 or 16 bytes as `parseIp` returns them; 6 or 18 bytes are written.
 */
export function writeCompactPeer(out: Uint8Array, offset: number, ip: Uint8Array, port: number): number {
  for (let i = 0; i < ip.length; i++) out[offset + i] = ip[i];
  const end = offset + ip.length;
  out[end] = port >>> 8;
  out[end + 1] = port & 0xff;
  return end + PORT_BYTES;
}

/**
 * All peers of `bytes`, which holds nothing else.
 * @throws {CompactPeersError} when the length is not a whole number of peers.
 */
export function readCompactPeers(bytes: Uint8Array, family: AddressFamily): PeerAddress[] {
  const stride = family === 4 ? IPV4_PEER_BYTES : IPV6_PEER_BYTES;
  if (bytes.length % stride !== 0) {
    throw new CompactPeersError(`${bytes.length} bytes of compact IPv${family} peers are not a multiple of ${stride}`);
  }
  const peers: PeerAddress[] = [];
  for (let offset = 0; offset < bytes.length; offset += stride) {
    const host = family === 4 ? formatIpv4(bytes, offset) : formatIpv6(bytes, offset);
    const portAt = offset + stride - PORT_BYTES;
    peers.push({ host, port: (bytes[portAt] << 8) | bytes[portAt + 1] });
  }
  return peers;
}

/** The 4 bytes at `offset` as a dotted quad. */
export function formatIpv4(bytes: Uint8Array, offset = 0): string {
  return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
}

/** The 16 bytes at `offset` as canonical text (RFC 5952); an IPv4-mapped address ends in a dotted quad (its section 5). */
export function formatIpv6(bytes: Uint8Array, offset = 0): string {
  if (isIpv4Mapped(bytes, offset)) return `::ffff:${formatIpv4(bytes, offset + IPV6_BYTES - IPV4_BYTES)}`;
  const { start, end } = longestZeroRun(bytes, offset);
  let text = '';
  for (let group = 0; group < GROUPS; group++) {
    if (group === start) {
      text += '::';
      group = end - 1;
      continue;
    }
    if (group !== 0 && group !== end) text += ':';
    text += groupAt(bytes, offset, group).toString(16);
  }
  return text;
}

/**
 * The bytes of an address in text: 4 for IPv4, 16 for IPv6. An IPv4-mapped address (`::ffff:192.0.2.1`) is the IPv4
 * address that it stands for, so that a peer has one form whatever socket heard it.
 * Undefined for anything else: names, ports, zones (`%eth0`), octal or shortened quads.
 */
export function parseIp(text: string): Uint8Array | undefined {
  if (text.length > LONGEST_IP_TEXT) return undefined;
  const bytes = text.includes(':') ? parseIpv6(text) : parseIpv4(text);
  if (bytes?.length === IPV6_BYTES && isIpv4Mapped(bytes, 0)) return bytes.slice(IPV6_BYTES - IPV4_BYTES);
  return bytes;
}

/** Eight full groups, the last two of them as a dotted quad. */
const LONGEST_IP_TEXT = 'ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255'.length;
const GROUPS = IPV6_BYTES / 2;
const DECIMAL_BYTE = /^(?:0|[1-9][0-9]{0,2})$/;
const HEX_GROUP = /^[0-9a-fA-F]{1,4}$/;

function groupAt(bytes: Uint8Array, offset: number, group: number): number {
  return (bytes[offset + 2 * group] << 8) | bytes[offset + 2 * group + 1];
}

function isIpv4Mapped(bytes: Uint8Array, offset: number): boolean {
  for (let i = 0; i < 10; i++) if (bytes[offset + i] !== 0) return false;
  return bytes[offset + 10] === 0xff && bytes[offset + 11] === 0xff;
}

/** The first of the longest runs of two or more zero groups, end excluded; none is `{ -1, -1 }` (RFC 5952 §4.2). */
function longestZeroRun(bytes: Uint8Array, offset: number): { start: number; end: number } {
  let best = { start: -1, end: -1 };
  for (let start = 0; start < GROUPS; start++) {
    let end = start;
    while (end < GROUPS && groupAt(bytes, offset, end) === 0) end++;
    if (end - start >= 2 && end - start > best.end - best.start) best = { start, end };
    if (end > start) start = end;
  }
  return best;
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== IPV4_BYTES) return undefined;
  const bytes = new Uint8Array(IPV4_BYTES);
  for (const [i, part] of parts.entries()) {
    if (!DECIMAL_BYTE.test(part) || Number(part) > 255) return undefined;
    bytes[i] = Number(part);
  }
  return bytes;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0], halves.length === 1);
  if (halves.length === 1) return head?.length === IPV6_BYTES ? Uint8Array.from(head) : undefined;
  const tail = parseGroups(halves[1], true);
  // '::' stands for at least one group.
  if (!head || !tail || head.length + tail.length > IPV6_BYTES - 2) return undefined;
  const bytes = new Uint8Array(IPV6_BYTES);
  bytes.set(head, 0);
  bytes.set(tail, IPV6_BYTES - tail.length);
  return bytes;
}

/** The bytes of colon-separated groups; the last may be a dotted quad when the address ends there. */
function parseGroups(text: string, endsAddress: boolean): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const groups = text.split(':');
  for (const [i, group] of groups.entries()) {
    if (HEX_GROUP.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >>> 8, value & 0xff);
      continue;
    }
    const quad = endsAddress && i === groups.length - 1 ? parseIpv4(group) : undefined;
    if (!quad) return undefined;
    bytes.push(...quad);
  }
  return bytes;
}
