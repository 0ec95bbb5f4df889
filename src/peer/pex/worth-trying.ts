import { BlockList, isIPv6 } from 'node:net';
import type { PeerAddress } from '../../bittorrent/compact-peers.ts';

/**
 * Whether a peer may be where a stranger says. Addresses that are nobody's are left out, and those of this very machine,
 * unless the stranger is on it too: others must not make us connect to our own services.
 */
export function isWorthTrying({ host, port }: PeerAddress, saidBy: PeerAddress): boolean {
  const family = isIPv6(host) ? 'ipv6' : 'ipv4';
  if (port === 0 || NOBODYS.check(host, family)) return false;
  return !LOOPBACK.check(host, family) || LOOPBACK.check(saidBy.host, isIPv6(saidBy.host) ? 'ipv6' : 'ipv4');
}

/** RFC 6890, but for private networks: peers are there too. */
const NOBODYS = new BlockList();
NOBODYS.addSubnet('0.0.0.0', 8);
NOBODYS.addSubnet('224.0.0.0', 4);
NOBODYS.addSubnet('240.0.0.0', 4);
NOBODYS.addAddress('::', 'ipv6');
NOBODYS.addSubnet('ff00::', 8, 'ipv6');

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');
