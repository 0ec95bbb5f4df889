import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { ENDPOINT_ADDRESS, ENDPOINT_BYTES, ENDPOINT_PORT, type IpFamily } from './datagram-slots.ts';

/** Endpoints between their text form and Linux's sockaddr layout (see DatagramSlots). */

const AF_INET = 2;
const AF_INET6 = 10;
/** What bind and accept take as the length of an endpoint. */
export const SOCKADDR_BYTES = { 4: 16, 6: 28 } as const;

export function familyOf(host: string): IpFamily | undefined {
  if (isIPv4(host)) return 4;
  return isIPv6(host) ? 6 : undefined;
}

/** Writes the endpoint of an IP address in text form. The host must be of the family. */
export function writeEndpoint(bytes: Uint8Array, at: number, family: IpFamily, host: string, port: number): void {
  bytes.fill(0, at, at + ENDPOINT_BYTES);
  bytes[at] = family === 4 ? AF_INET : AF_INET6;
  bytes[at + ENDPOINT_PORT] = port >> 8;
  bytes[at + ENDPOINT_PORT + 1] = port & 0xff;
  bytes.set(addressBytes(host, family), at + ENDPOINT_ADDRESS[family]);
}

export function endpointPort(bytes: Uint8Array, at: number): number {
  return (bytes[at + ENDPOINT_PORT] << 8) | bytes[at + ENDPOINT_PORT + 1];
}

export function endpointHost(bytes: Uint8Array, at: number, family: IpFamily): string {
  const from = at + ENDPOINT_ADDRESS[family];
  if (family === 4) return bytes.subarray(from, from + 4).join('.');
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[from + i] << 8) | bytes[from + i + 1]).toString(16));
  return new SocketAddress({ family: 'ipv6', address: groups.join(':') }).address;
}

function addressBytes(host: string, family: IpFamily): number[] {
  if (family === 4) return host.split('.').map(Number);
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(host.replace(/%.*$/, ''));
  const text = dotted
    ? `${dotted[1]}${((+dotted[2] << 8) | +dotted[3]).toString(16)}:${((+dotted[4] << 8) | +dotted[5]).toString(16)}`
    : host.replace(/%.*$/, '');
  const [head, tail] = text.split('::');
  const groups = (part: string | undefined) => (part ? part.split(':').map((group) => Number.parseInt(group, 16)) : []);
  const front = groups(head);
  const back = groups(tail);
  const middle = new Array<number>(8 - front.length - back.length).fill(0);
  return [...front, ...middle, ...back].flatMap((group) => [group >> 8, group & 0xff]);
}
