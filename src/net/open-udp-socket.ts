import { hasBatchedCalls } from './platform.ts';
import type { UdpSocket, UdpSocketOptions } from './udp-socket.ts';

/** Opens the fastest UDP socket that this system has. Throws SocketError where it cannot be bound. */
export async function openUdpSocket(options: UdpSocketOptions): Promise<UdpSocket> {
  if (hasBatchedCalls) {
    const { openBatchedUdpSocket } = await import('./batched-udp-socket.ts');
    return openBatchedUdpSocket(options);
  }
  const { openDgramUdpSocket } = await import('./dgram-udp-socket.ts');
  return openDgramUdpSocket(options);
}
