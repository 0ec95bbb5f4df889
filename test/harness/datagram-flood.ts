import { ENDPOINT_BYTES } from '../../src/net/datagram-slots.ts';
import { openUdpSocket } from '../../src/net/open-udp-socket.ts';
import { writeEndpoint } from '../../src/net/socket-address.ts';
import { BATCH_SLOTS } from '../../src/net/udp-socket.ts';
import { UdpClient } from './udp-client.ts';

/** Batches between two looks whether the tracker keeps up: a fraction of what a socket keeps. */
const BATCHES_AT_ONCE = 16;

/**
 * Sends `count` datagrams to a tracker on loopback, as fast as it takes them in.
 * @param fill writes one at `at` and returns its length, at most 1,472
 */
export async function floodWithDatagrams(
  port: number,
  count: number,
  fill: (bytes: Uint8Array, at: number) => number,
): Promise<void> {
  const socket = await openUdpSocket({ host: '127.0.0.1', port: 0 });
  await using pace = await UdpClient.open('127.0.0.1', port);
  const { bytes, endpoints, stride } = socket.outgoing;
  for (let sent = 0; sent < count; sent++) {
    const slot = socket.reserve();
    writeEndpoint(endpoints, slot * ENDPOINT_BYTES, 4, '127.0.0.1', port);
    socket.queue(fill(bytes, slot * stride));
    // An answer means that it has taken all that was sent before.
    if (sent % (BATCHES_AT_ONCE * BATCH_SLOTS) === 0) await pace.connect();
  }
  socket.flush();
  await pace.connect();
  socket.close();
}
