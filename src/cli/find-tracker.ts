import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { encodeConnectRequest, parseReply } from '../bittorrent/bep15.ts';
import { multicastInterface } from '../net/multicast-interface.ts';
import type { MulticastGroup } from '../tracker/tracker.ts';
import { CommandError } from './command-error.ts';
import { formatGroup, type TrackerAddress } from './option-values.ts';

/** An election takes a fraction of a second; a cluster that starts, some. */
const PATIENCE_MS = 5_000;
const RETRY_MS = 250;
/** One link only, as the trackers do. */
const TTL = 1;
const LOOPBACK = '127.0.0.1';

export interface FindOptions {
  readonly group: MulticastGroup;
  /** Addresses of the interfaces to ask on; all of them by default. */
  readonly interfaces?: readonly string[] | undefined;
  readonly patienceMs?: number;
}

/**
 * Asks in the group who the tracker is: a BEP 15 connect, which only a master answers, from its client port.
 * @throws CommandError NO_TRACKER nobody answered in time; BAD_INTERFACE none of the interfaces can be used
 */
export async function findTracker({ group, interfaces, patienceMs }: FindOptions): Promise<TrackerAddress> {
  const hosts = interfaces ?? ipv4Addresses();
  const found = Promise.withResolvers<TrackerAddress>();
  // The high bit apart, any number does.
  const transactionId = randomInt(2 ** 31);
  const opened = await Promise.allSettled(hosts.map((host) => openAsker(host, group, transactionId, found.resolve)));
  const askers = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const ask = () => {
    for (const asker of askers) asker.send(encodeConnectRequest(transactionId), group.port, group.host, () => {});
  };
  const retry = setInterval(ask, RETRY_MS);
  const giveUp = setTimeout(() => found.reject(nobody(group, hosts)), patienceMs ?? PATIENCE_MS);
  try {
    const failed = opened.find((each) => each.status === 'rejected');
    if (askers.length === 0) throw unusable(failed?.reason, hosts);
    ask();
    return await found.promise;
  } finally {
    clearInterval(retry);
    clearTimeout(giveUp);
    for (const asker of askers) asker.close();
  }
}

/** Not the group's port: the answer comes to the asker alone. */
async function openAsker(
  host: string,
  group: MulticastGroup,
  transactionId: number,
  found: (address: TrackerAddress) => void,
): Promise<Socket> {
  const address = multicastInterface(host, group.host);
  const socket = createSocket('udp4');
  try {
    socket.bind({ address, port: 0, exclusive: true });
    await once(socket, 'listening');
    socket.setMulticastInterface(address);
    socket.setMulticastTTL(TTL);
    socket.setMulticastLoopback(true);
  } catch (error) {
    socket.close();
    throw error;
  }
  // What cannot be sent now may be sent at the next attempt.
  socket.on('error', () => {});
  socket.on('message', (datagram, sender) => {
    if (isAnswer(datagram, transactionId)) found({ host: sender.address, port: sender.port });
  });
  return socket;
}

function isAnswer(datagram: Uint8Array, transactionId: number): boolean {
  try {
    const reply = parseReply(datagram, 4);
    return reply.action === 'connect' && reply.transactionId === transactionId;
  } catch {
    return false;
  }
}

/** Of this machine, loopback first. Groups are IPv4. */
function ipv4Addresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const others = all.filter(({ family, internal }) => family === 'IPv4' && !internal);
  return [LOOPBACK, ...others.map(({ address }) => address)];
}

function nobody(group: MulticastGroup, hosts: readonly string[]): CommandError {
  return new CommandError(
    'NO_TRACKER',
    `no tracker answers in group ${formatGroup(group)} on ${hosts.join(', ')}: start one with \`swarmkeeper up\`, or name an ` +
      'instance with --tracker HOST:PORT (while a cluster has no master, none of it answers in the group)',
  );
}

function unusable(reason: unknown, hosts: readonly string[]): CommandError {
  const why = reason instanceof Error ? reason.message : 'there is none';
  return new CommandError(
    'BAD_INTERFACE',
    `cannot ask by multicast on ${hosts.join(', ')}: ${why}; give --interface another address of this machine, or name an instance with --tracker HOST:PORT`,
    { cause: reason },
  );
}
