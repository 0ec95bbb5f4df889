import { BlockList, isIPv4 } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { openUdpSocket } from '../net/open-udp-socket.ts';
import { hasBatchedCalls } from '../net/platform.ts';
import type { TcpAcceptor } from '../net/tcp-acceptor.ts';
import { SocketError, type UdpSocket } from '../net/udp-socket.ts';
import type { MulticastGroup } from './tracker.ts';

/** What clients talk to: a UDP socket and, where the fast path exists, a TCP acceptor an address; one port for all. */
export interface ClientSockets {
  readonly port: number;
  readonly udp: readonly UdpSocket[];
  /** The multicast group on each interface that is served, and the socket there that answers it. */
  readonly groups: readonly { readonly group: UdpSocket; readonly own: UdpSocket }[];
  /** Empty where the general HTTP server listens itself (elsewhere than Linux). */
  readonly tcp: readonly TcpAcceptor[];
  close(): void;
}

/**
 * Binds all hosts to one port number, UDP and TCP. Port 0 takes a number that is free on all of them.
 * @throws {SocketError}
 */
export async function openClientSockets(
  hosts: readonly string[],
  port: number,
  group?: MulticastGroup,
): Promise<ClientSockets> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await openAll(hosts, port, group);
    } catch (error) {
      // A free port on one address may be taken on another: try the next one.
      const retry = port === 0 && error instanceof SocketError && error.code === 'EADDRINUSE';
      if (!retry || attempt === ATTEMPTS_TO_FIND_A_PORT) throw error;
    }
  }
}

/** A port number that is free for one protocol and address may be taken for another. */
export const ATTEMPTS_TO_FIND_A_PORT = 50;

async function openAll(
  hosts: readonly string[],
  wantedPort: number,
  group: MulticastGroup | undefined,
): Promise<ClientSockets> {
  const udp: UdpSocket[] = [];
  const groups: { group: UdpSocket; own: UdpSocket }[] = [];
  const tcp: TcpAcceptor[] = [];
  const close = () => {
    for (const socket of [...groups.map((each) => each.group), ...udp, ...tcp]) socket.close();
  };
  const acceptors = hasBatchedCalls ? await import('../net/batched-tcp-acceptor.ts') : undefined;
  let port = wantedPort;
  try {
    for (const host of hosts) {
      const socket = await openUdpSocket({ host, port });
      udp.push(socket);
      port = socket.port;
      if (acceptors) tcp.push(acceptors.openTcpAcceptor({ host, port }));
    }
    if (group !== undefined) {
      // Groups are IPv4, and several addresses of one interface would hear each request several times.
      const joined = new Set<string>();
      for (const own of udp.filter(({ family }) => family === 4)) {
        const on = interfaceOf(own.host);
        if (joined.has(on)) continue;
        joined.add(on);
        groups.push({ group: await openUdpSocket({ host: own.host, port: group.port, group: group.host }), own });
      }
    }
    return { port, udp, groups, tcp, close };
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * The name of the interface that has the address; the address itself where the system knows of none. Addresses that are not
 * listed are of the interface whose network they are in: all of 127.0.0.0/8 is the loopback's.
 */
function interfaceOf(host: string): string {
  const interfaces = Object.entries(networkInterfaces());
  const named = (has: (address: NetworkInterfaceInfo) => boolean) =>
    interfaces.find(([, addresses = []]) => addresses.some(has))?.[0];
  return named(({ address }) => address === host) ?? named(({ cidr }) => isInNetwork(host, cidr)) ?? host;
}

/** @param cidr address and bits of an IPv4 network, e.g. 127.0.0.1/8 */
function isInNetwork(host: string, cidr: string | null): boolean {
  const [network, bits] = (cidr ?? '').split('/');
  if (!isIPv4(network)) return false;
  const block = new BlockList();
  block.addSubnet(network, Number(bits));
  return block.check(host);
}
