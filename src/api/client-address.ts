import { isIP } from 'node:net';

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** An address in text with IPv4-mapped IPv6 (`::ffff:192.0.2.1`), which a dual-stack socket reports, as IPv4. */
export function normaliseAddress(address: string): string {
  return MAPPED.exec(address)?.[1] ?? address;
}

/** Whether the address in text is of this very machine: 127.0.0.0/8 or ::1. */
export function isLoopback(address: string): boolean {
  const plain = normaliseAddress(address);
  return isIP(plain) === 4 ? plain.startsWith('127.') : plain === '::1';
}

/** `host:port` as it stands in a URL: IPv6 in brackets. */
export function authority(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}
