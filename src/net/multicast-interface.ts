import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { SocketError } from './udp-socket.ts';

/**
 * The IPv4 address of the interface that has the address `host`: on it a group is joined and sent to. An instance on an
 * IPv6 address uses the groups of the same interface. Groups are IPv4: the loopback interface has no others.
 * @throws {SocketError} EINVAL `group` is no IPv4 multicast address, `host` is a wildcard, or its interface has no IPv4;
 *   ENODEV no interface has the IPv6 address `host` (for an IPv4 one, joining will say so)
 */
export function multicastInterface(host: string, group: string): string {
  if (!isMulticast(group)) {
    throw new SocketError('EINVAL', `${group} is no IPv4 multicast address; take one of 239.0.0.0/8`);
  }
  if (host === '0.0.0.0' || host === '::') {
    throw new SocketError('EINVAL', `cannot join ${group} on ${host}: give the address of one interface`);
  }
  // The system knows its own addresses, those of an unplugged cable too, which are not listed below.
  if (isIPv4(host)) return host;
  for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
    if (!addresses.some(({ address }) => address === host)) continue;
    const ipv4 = addresses.find(({ family }) => family === 'IPv4')?.address;
    if (ipv4 !== undefined) return ipv4;
    throw new SocketError('EINVAL', `cannot join ${group} on ${host}: ${name} has no IPv4 address`);
  }
  throw new SocketError('ENODEV', `cannot join ${group} on ${host}: no interface has that address`);
}

export function isMulticast(address: string): boolean {
  return isIPv4(address) && (Number.parseInt(address, 10) & 0xf0) === 0xe0;
}
