import { networkInterfaces } from 'node:os';
import type { AddressFamily } from '../../bittorrent/compact-peers.ts';
import type { PeerEndpoint } from '../../bittorrent/magnet.ts';
import { openRequestSocket, type RequestSocket } from './request-socket.ts';
import { addressesOf } from './tracker-address.ts';
import { TrackerError } from './tracker-error.ts';
import { CONNECTION_ID_MS } from './udp-trackers.ts';
import { endpointKey } from './udp-transactions.ts';

/** Interfaces that are asked on. */
export const MAX_INTERFACES = 32;
/** Instances that are known by address. */
export const MAX_INSTANCES = 64;

/** Whom to ask for the cluster. */
export interface ClusterPlace {
  /** Where the cluster hears peers: an IPv4 multicast group. */
  readonly group: PeerEndpoint;
  /** Addresses of the interfaces to ask on; by default all that the machine has at the time of asking. */
  readonly interfaces?: readonly string[] | undefined;
  /** Instances to ask instead of the group, by address or name. */
  readonly instances?: readonly PeerEndpoint[] | undefined;
}

/** A socket, and the connection ID that belongs to its address. */
export interface Lane {
  readonly socket: RequestSocket;
  /** Undefined where instances are asked by address. */
  readonly group: PeerEndpoint | undefined;
  connectionId: bigint | undefined;
  connectedAtMs: number;
}

/** What the cluster is asked from: a socket on each interface, or one of each address family for instances by address. */
export class ClusterLanes {
  readonly #place: ClusterPlace;
  readonly #onDatagram: (socket: RequestSocket, datagram: Uint8Array, from: PeerEndpoint) => void;
  /** By the address that stands for the interface, or by the wildcard. */
  readonly #lanes = new Map<string, Lane>();
  readonly #instances = new Map<string, PeerEndpoint>();
  #targets: readonly PeerEndpoint[] = [];
  #closed = false;

  constructor(
    place: ClusterPlace,
    onDatagram: (socket: RequestSocket, datagram: Uint8Array, from: PeerEndpoint) => void,
  ) {
    this.#place = place;
    this.#onDatagram = onDatagram;
    this.learn(place.instances ?? []);
  }

  get all(): readonly Lane[] {
    return [...this.#lanes.values()];
  }

  get isByAddress(): boolean {
    return this.#place.instances !== undefined;
  }

  /** Addresses of instances, as of the last look-up, that the lane reaches. */
  targetsOf({ socket }: Lane): PeerEndpoint[] {
    return this.#targets.filter(({ host }) => familyOf(host) === socket.family);
  }

  laneOf(socket: RequestSocket): Lane | undefined {
    return this.all.find((lane) => lane.socket === socket);
  }

  learn(instances: readonly PeerEndpoint[]): void {
    for (const each of instances) {
      if (this.#instances.size < MAX_INSTANCES) this.#instances.set(endpointKey(each), each);
    }
  }

  /**
   * Opens lanes where addresses came, closes those whose address went.
   * @throws {TrackerError} BAD_INTERFACE, UNREACHABLE: there is nothing to ask from; STOPPED
   */
  async refresh(signal: AbortSignal): Promise<void> {
    const failures = await (this.isByAddress ? this.#lookUp(signal) : this.#listInterfaces());
    if (this.#lanes.size > 0 || this.#closed) return;
    const [cause] = failures;
    if (cause instanceof TrackerError) throw cause;
    const why = cause?.message ?? 'it has no IPv4 address';
    throw new TrackerError('BAD_INTERFACE', `the cluster cannot be asked from this machine: ${why}`, { cause });
  }

  close(): void {
    this.#closed = true;
    for (const { socket } of this.#lanes.values()) socket.close();
    this.#lanes.clear();
  }

  async #lookUp(signal: AbortSignal): Promise<readonly Error[]> {
    const failures: Error[] = [];
    const looked = [...this.#instances.values()].map(async ({ host, port }): Promise<PeerEndpoint[]> => {
      const addresses = await addressesOf(host, signal);
      return [...addresses.values()].map((address) => ({ host: address, port }));
    });
    const targets: PeerEndpoint[] = [];
    for (const each of await Promise.allSettled(looked)) {
      if (each.status === 'fulfilled') targets.push(...each.value);
      else failures.push(each.reason);
    }
    this.#targets = targets;
    for (const family of new Set(targets.map(({ host }) => familyOf(host)))) {
      failures.push(...(await this.#open(family === 4 ? '0.0.0.0' : '::', undefined)));
    }
    return failures;
  }

  async #listInterfaces(): Promise<readonly Error[]> {
    const { interfaces, group } = this.#place;
    const hosts = (interfaces ?? ipv4Addresses()).slice(0, MAX_INTERFACES);
    for (const [host, { socket }] of this.#lanes) {
      if (hosts.includes(host)) continue;
      socket.close();
      this.#lanes.delete(host);
    }
    const failures: Error[] = [];
    for (const host of hosts) failures.push(...(await this.#open(host, group)));
    return failures;
  }

  /** @returns why not */
  async #open(host: string, group: PeerEndpoint | undefined): Promise<readonly Error[]> {
    if (this.#lanes.has(host)) return [];
    try {
      const socket = await openRequestSocket({
        host,
        ...(group && { group: group.host }),
        onDatagram: this.#onDatagram,
      });
      if (this.#closed) socket.close();
      else this.#lanes.set(host, { socket, group, connectionId: undefined, connectedAtMs: 0 });
      return [];
    } catch (error) {
      return [error as Error];
    }
  }
}

/** Whether its connection ID may be used. */
export function isFresh({ connectionId, connectedAtMs }: Lane): boolean {
  return connectionId !== undefined && performance.now() - connectedAtMs < CONNECTION_ID_MS;
}

export function isLoopback({ socket }: Lane): boolean {
  return socket.host.startsWith('127.');
}

function familyOf(host: string): AddressFamily {
  return host.includes(':') ? 6 : 4;
}

/** Of this machine. Groups are IPv4. */
function ipv4Addresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return [...new Set(all.filter(({ family }) => family === 'IPv4').map(({ address }) => address))];
}
