import { authority, isLoopback } from './client-address.ts';

/** What is read of a member here. */
export interface MemberAddress {
  readonly address: string;
  readonly clientPort: number;
}

/** Where the members serve their pages, as origins of the web (`http://192.0.2.1:6969`). */
export function memberOrigins(members: readonly MemberAddress[]): string[] {
  const known = members.filter(({ address, clientPort }) => address !== '' && clientPort !== 0);
  return [...new Set(known.map(({ address, clientPort }) => `http://${authority(address, clientPort)}`))];
}

/**
 * Whether a page of this origin is one that a member serves: it may read here what everybody may read, because it turns to
 * another member when its own instance dies. A member on loopback is known by one address and has all names of this machine.
 */
export function isMemberOrigin(origin: string, members: readonly MemberAddress[]): boolean {
  if (!URL.canParse(origin)) return false;
  const { protocol, hostname, port } = new URL(origin);
  if (protocol !== 'http:') return false;
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const local = host === 'localhost' || isLoopback(host);
  return members.some(
    ({ address, clientPort }) =>
      clientPort === Number(port || 80) && (address === host || (local && isLoopback(address))),
  );
}
