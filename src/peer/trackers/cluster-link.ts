import { encodeAnnounceRequest, encodeConnectRequest } from '../../bittorrent/bep15.ts';
import { formatContentQuery } from '../../bittorrent/content-query.ts';
import type { PeerEndpoint } from '../../bittorrent/magnet.ts';
import type { AnnounceAnswer, AnnounceFields } from './announcement.ts';
import { ClusterLanes, type ClusterPlace, isFresh, isLoopback, type Lane } from './cluster-lanes.ts';
import { Gate } from './gate.ts';
import type { RequestSocket } from './request-socket.ts';
import { stopped, TrackerError } from './tracker-error.ts';
import { udpAnswer, udpFields } from './udp-fields.ts';
import { type UdpAnswer, type UdpTransaction, UdpTransactions } from './udp-transactions.ts';
import { pause, within } from './within.ts';

/** Silent for so long, the master is looked for anew. */
export const SILENCE_MS = 1_000;
/** Within that time a request is repeated so often: datagrams may be lost. */
export const REPEAT_MS = 250;
/** A search asks again after this time, twice as long each time: an election takes a fraction of a second. */
export const FIRST_SEARCH_MS = 100;
export const LONGEST_SEARCH_MS = 2_000;
/** How long an answer over the loopback interface waits for one over a network, by which other machines reach us too. */
export const LOOPBACK_GRACE_MS = 50;
/** Announces that are not answered; further ones wait. */
export const MAX_UNANSWERED = 100;

/** Who answers. */
interface Master {
  readonly lane: Lane;
  readonly endpoint: PeerEndpoint;
}

/** Writes an announce that waits for an answer, under a connection ID. */
interface WaitingAnnounce {
  readonly transaction: UdpTransaction<'announce'>;
  write(connectionId: bigint): Uint8Array;
}

/**
 * The way to the cluster: finds the master by multicast, stays with it, and looks for the next one when it is silent. While
 * there is none, whoever asks waits. Connection IDs hold at all instances, so that the announce that notices a death goes out
 * by multicast too, and is answered by whoever is master next.
 */
export class ClusterLink {
  readonly #lanes: ClusterLanes;
  readonly #transactions = new UdpTransactions();
  readonly #gate = new Gate(MAX_UNANSWERED);
  readonly #closing = new AbortController();
  #master: Master | undefined;
  /** The lane of the last one. */
  #lastLane: Lane | undefined;
  #searching: Promise<void> | undefined;
  #renewing: Promise<void> | undefined;
  /** One of those that wait for the search. */
  #leading: WaitingAnnounce | undefined;

  /**
   * Opens what the cluster is asked from; whether anybody answers is another matter.
   * @throws {TrackerError} BAD_INTERFACE, UNREACHABLE: there is nothing to ask from
   */
  static async open(place: ClusterPlace): Promise<ClusterLink> {
    const link = new ClusterLink(place);
    await link.#lanes.refresh(link.#closing.signal);
    return link;
  }

  private constructor(place: ClusterPlace) {
    this.#lanes = new ClusterLanes(place, (...received) => this.#transactions.receive(...received));
  }

  /** The instance that answered last; undefined while it is looked for. */
  get master(): PeerEndpoint | undefined {
    return this.#master?.endpoint;
  }

  /** Whether instances are asked by address, not by multicast. */
  get isByAddress(): boolean {
    return this.#lanes.isByAddress;
  }

  /** Further instances to ask, where they are asked by address. */
  learn(instances: readonly PeerEndpoint[]): void {
    this.#lanes.learn(instances);
  }

  /**
   * Waits until an instance answers.
   * @throws {TrackerError} STOPPED
   */
  async locate(signal: AbortSignal): Promise<PeerEndpoint> {
    const either = AbortSignal.any([signal, this.#closing.signal]);
    for (;;) {
      if (either.aborted) throw stopped(either);
      if (this.#master) return this.#master.endpoint;
      await within(Number.POSITIVE_INFINITY, either, this.#search());
    }
  }

  /** Whoever answers there is not to be asked again before it is found anew. */
  forget(endpoint: PeerEndpoint): void {
    if (this.#master?.endpoint === endpoint) this.#master = undefined;
  }

  /**
   * Announces until the cluster acknowledges it, however long that takes.
   * @throws {TrackerError} REFUSED, STOPPED
   */
  async announce(
    fields: AnnounceFields,
    signal: AbortSignal,
  ): Promise<{ readonly answer: AnnounceAnswer; readonly from: PeerEndpoint }> {
    const either = AbortSignal.any([signal, this.#closing.signal]);
    return await this.#gate.run(either, async () => {
      const transaction = this.#transactions.begin('announce');
      const urlData = formatContentQuery(fields.content ?? {});
      const request = { ...udpFields(fields), ...(urlData === '' ? {} : { urlData }), transactionId: transaction.id };
      const waiting = {
        transaction,
        write: (connectionId: bigint) => encodeAnnounceRequest({ ...request, connectionId }),
      };
      try {
        const { reply, from, socket } = await this.#untilAnswered(waiting, either);
        if (reply.action === 'error') throw new TrackerError('REFUSED', `the tracker refused: ${reply.message}`);
        this.#heard(socket, from);
        return { answer: udpAnswer(reply), from };
      } finally {
        transaction.end();
        if (this.#leading === waiting) this.#leading = undefined;
      }
    });
  }

  /** What is under way fails with STOPPED. */
  close(): void {
    this.#closing.abort(new TrackerError('STOPPED', 'the way to the cluster was closed'));
    this.#lanes.close();
  }

  async #untilAnswered(waiting: WaitingAnnounce, signal: AbortSignal): Promise<UdpAnswer<'announce'>> {
    const { answer } = waiting.transaction;
    for (;;) {
      if (signal.aborted) throw stopped(signal);
      const master = this.#master;
      if (master === undefined) {
        this.#leading ??= waiting;
        const found = await within(Number.POSITIVE_INFINITY, signal, Promise.race([answer, this.#search()]));
        if (found) return found;
      } else if (!isFresh(master.lane)) {
        await within(Number.POSITIVE_INFINITY, signal, this.#renew(master));
      } else {
        for (let waitedMs = 0; waitedMs < SILENCE_MS; waitedMs += REPEAT_MS) {
          const announce = waiting.write(master.lane.connectionId as bigint);
          waiting.transaction.send(master.lane.socket, announce, master.endpoint);
          const found = await within(REPEAT_MS, signal, answer);
          if (found) return found;
        }
        if (this.#master === master) this.#master = undefined;
      }
    }
  }

  /** A new connection ID from the instance that answers; if it does not, it is gone. */
  #renew(master: Master): Promise<void> {
    this.#renewing ??= this.#connect(master, this.#closing.signal).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #connect(master: Master, signal: AbortSignal): Promise<void> {
    const transaction = this.#transactions.begin('connect');
    try {
      for (let waitedMs = 0; waitedMs < SILENCE_MS; waitedMs += REPEAT_MS) {
        transaction.send(master.lane.socket, encodeConnectRequest(transaction.id), master.endpoint);
        const found = await within(REPEAT_MS, signal, transaction.answer);
        if (found && this.#connected(found)) return;
      }
      if (this.#master === master) this.#master = undefined;
    } finally {
      transaction.end();
    }
  }

  /** Ends when somebody is found. */
  #search(): Promise<void> {
    this.#searching ??= this.#find(this.#closing.signal).finally(() => {
      this.#searching = undefined;
      this.#leading = undefined;
    });
    return this.#searching;
  }

  async #find(signal: AbortSignal): Promise<void> {
    for (let everyMs = FIRST_SEARCH_MS; ; everyMs = Math.min(2 * everyMs, LONGEST_SEARCH_MS)) {
      // Without a network there is nothing to ask from, until it is back.
      await this.#lanes.refresh(signal).catch(() => {});
      const startedAtMs = performance.now();
      const found = await this.#askAll(everyMs, signal);
      // An announce that went out by multicast may have been answered before.
      if ((found && this.#connected(found)) || this.#master) return;
      await pause(Math.max(0, everyMs - (performance.now() - startedAtMs)), signal);
    }
  }

  /** Asks once on all lanes. */
  async #askAll(waitMs: number, signal: AbortSignal): Promise<UdpAnswer<'connect'> | undefined> {
    const network = this.#transactions.begin('connect');
    const loopback = this.#transactions.begin('connect');
    try {
      const lanes = this.#lanes.all;
      for (const lane of lanes) this.#askOn(lane, isLoopback(lane) ? loopback : network);
      const graceMs = lanes.every(isLoopback) ? 0 : LOOPBACK_GRACE_MS;
      const overLoopback = async () => {
        const found = await loopback.answer;
        return (await within(graceMs, signal, network.answer)) ?? found;
      };
      return await within(waitMs, signal, Promise.race([network.answer, overLoopback()]));
    } finally {
      network.end();
      loopback.end();
    }
  }

  #askOn(lane: Lane, transaction: UdpTransaction<'connect'>): void {
    const { socket, group } = lane;
    const connect = encodeConnectRequest(transaction.id);
    if (group === undefined) {
      for (const to of this.#lanes.targetsOf(lane)) transaction.send(socket, connect, to);
      return;
    }
    transaction.sendToGroup(socket, connect, group);
    const leading = this.#leading;
    if (!leading || lane !== this.#lastLane || !isFresh(lane)) return;
    leading.transaction.sendToGroup(socket, leading.write(lane.connectionId as bigint), group);
  }

  /** @returns whether it is an answer to build on */
  #connected({ reply, from, socket }: UdpAnswer<'connect'>): boolean {
    const lane = this.#lanes.laneOf(socket);
    if (reply.action === 'error' || !lane) return false;
    lane.connectionId = reply.connectionId;
    lane.connectedAtMs = performance.now();
    this.#heard(socket, from);
    return true;
  }

  /** Somebody answered. A late answer of the former master changes nothing. */
  #heard(socket: RequestSocket, endpoint: PeerEndpoint): void {
    const lane = this.#lanes.laneOf(socket);
    if (this.#master || !lane) return;
    this.#master = { lane, endpoint };
    this.#lastLane = lane;
  }
}
