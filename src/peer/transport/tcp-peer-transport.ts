import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { formatEndpoint, type PeerEndpoint } from '../../bittorrent/magnet.ts';
import {
  CONNECT_TIMEOUT_MS,
  type ConnectOptions,
  type PeerLink,
  type PeerListener,
  type PeerTransport,
  PeerTransportError,
} from './peer-transport.ts';
import { TcpPeerLink } from './tcp-peer-link.ts';

/** Connections that wait until they are taken. */
const BACKLOG = 128;

/** Peers over TCP. */
export class TcpPeerTransport implements PeerTransport {
  async connect(endpoint: PeerEndpoint, options: ConnectOptions = {}): Promise<PeerLink> {
    const { timeoutMs = CONNECT_TIMEOUT_MS, signal } = options;
    const timeout = AbortSignal.timeout(timeoutMs);
    const link = new TcpPeerLink(endpoint, undefined);
    const name = formatEndpoint(endpoint);
    try {
      link.socket.connect({ host: endpoint.host, port: endpoint.port });
      await once(link.socket, 'connect', { signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
    } catch (cause) {
      link.socket.destroy();
      if (signal?.aborted) throw new PeerTransportError('ABORTED', `connecting to ${name} was called off`, { cause });
      if (timeout.aborted) {
        throw new PeerTransportError('TIMED_OUT', `${name} did not answer within ${timeoutMs} ms`, { cause });
      }
      const reason = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message;
      throw new PeerTransportError('UNREACHABLE', `${name} cannot be reached: ${reason}`, { cause });
    }
    link.socket.setNoDelay(true);
    return link;
  }

  async listen(host: string, port: number, onLink: (link: PeerLink) => void): Promise<PeerListener> {
    const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
      const { remoteAddress, remotePort } = socket;
      if (remoteAddress === undefined || remotePort === undefined) {
        // Gone before it was taken.
        socket.destroy();
        return;
      }
      onLink(new TcpPeerLink({ host: plainHost(remoteAddress), port: remotePort }, takeHandle(socket)));
    });
    try {
      server.listen({ host, port, backlog: BACKLOG });
      await once(server, 'listening');
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new PeerTransportError(
        code === 'EADDRINUSE' ? 'ADDRESS_IN_USE' : 'CANNOT_LISTEN',
        `cannot listen on ${formatEndpoint({ host, port })}: ${code}; choose another address or port`,
        { cause },
      );
    }
    // A connection that failed before it was taken, or no descriptor left for one: the next may do better.
    server.on('error', () => {});
    const address = server.address() as AddressInfo;
    let closed: Promise<unknown> | undefined;
    return {
      host: address.address,
      port: address.port,
      close: async () => {
        closed ??= once(server.close(), 'close');
        await closed;
      },
    };
  }
}

/**
 * Takes the open handle out of an accepted socket, which is left empty: `createServer` makes sockets that allocate each
 * chunk anew, and has no option for it.
 */
function takeHandle(socket: Socket): object {
  const owner = socket as unknown as { _handle: object | null };
  const handle = owner._handle as object;
  owner._handle = null;
  socket.destroy();
  return handle;
}

/** An IPv4 address as it is, though it came through an IPv6 socket. */
function plainHost(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
}
