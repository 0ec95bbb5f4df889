import type { UdpSocket } from '../../net/udp-socket.ts';

/**
 * A multicast group as a socket: requests come from the group, replies leave from this instance's own socket, so that
 * the client knows where the master is.
 */
export function groupSocket(group: UdpSocket, own: UdpSocket): UdpSocket {
  return {
    family: own.family,
    host: own.host,
    port: own.port,
    received: group.received,
    outgoing: own.outgoing,
    get unsent() {
      return own.unsent;
    },
    start: (onBatch) =>
      group.start((count) => {
        onBatch(count);
        own.flush();
      }),
    reserve: () => own.reserve(),
    queue: (bytes) => own.queue(bytes),
    flush: () => own.flush(),
    drop: () => own.drop(),
    close: () => group.close(),
  };
}
