import {
  ANNOUNCE_EVENT,
  ANNOUNCE_INFO_HASH,
  ANNOUNCE_LEFT,
  ANNOUNCE_NUM_WANT,
  ANNOUNCE_OPTIONS,
  ANNOUNCE_PORT,
  ANNOUNCE_REPLY_HEADER_BYTES,
  classifyRequest,
  EVENT_NONE,
  EVENT_STOPPED,
  REQUEST_ANNOUNCE,
  REQUEST_CONNECT,
  REQUEST_MALFORMED,
  REQUEST_SCRAPE,
  REQUEST_TRANSACTION_ID,
  SCRAPE_INFO_HASHES,
  writeAnnounceReplyHeader,
  writeConnectReply,
  writeErrorReply,
  writeScrapeEntry,
  writeScrapeReplyHeader,
} from '../../bittorrent/bep15.ts';
import { readUrlData } from '../../bittorrent/bep41.ts';
import { parseContentQuery } from '../../bittorrent/content-query.ts';
import type { ReplicatedLog } from '../../cluster/replicated-log.ts';
import { ENDPOINT_ADDRESS, ENDPOINT_BYTES, ENDPOINT_USED_WORDS, ENDPOINT_WORDS } from '../../net/datagram-slots.ts';
import { BATCH_SLOTS, RECEIVE_STRIDE, type UdpSocket } from '../../net/udp-socket.ts';
import { Announce } from '../announce.ts';
import { COUNTER, type Counters, countLatency, LATENCY_ANSWER } from '../counters.ts';
import { GROUPS, type LogGroups } from '../log-group.ts';
import { UNKNOWN_SIZE } from '../operations.ts';
import { ANSWER, type PeerInfoSender, REFUSED, WAIT } from '../peer-info-sender.ts';
import type { TrackerState } from '../tracker-state.ts';
import { WaitingDatagrams } from './waiting-datagrams.ts';

/**
 * BEP 15 on one socket: connect, announce, scrape. Nothing is allocated per datagram on the usual ways; only a
 * content's name takes a string.
 */
export class UdpFrontEnd {
  readonly #socket: UdpSocket;
  readonly #log: Pick<ReplicatedLog, 'mayAnswer'>;
  readonly #state: TrackerState;
  readonly #sender: PeerInfoSender;
  readonly #groups: LogGroups;
  readonly #counters: Counters;
  readonly #intervalSeconds: number;
  readonly #announce = new Announce();
  /** Announces whose replies wait for each group of the log. */
  readonly #waiting: readonly WaitingDatagrams[];
  readonly #maxPeers: number;
  readonly #elsewhere: ((count: number) => void) | undefined;
  /** What each datagram of the batch asks for, and the swarm it announces to, or -1. */
  readonly #requests = new Uint8Array(BATCH_SLOTS);
  readonly #swarms = new Int32Array(BATCH_SLOTS);
  /** Batches received: the time of one in TIMED_BATCHES is measured. */
  #batches = 0;

  constructor(options: UdpFrontEndOptions) {
    this.#socket = options.socket;
    this.#log = options.log;
    this.#state = options.state;
    this.#sender = options.sender;
    this.#groups = options.groups;
    this.#counters = options.counters;
    this.#intervalSeconds = options.intervalSeconds;
    this.#elsewhere = options.elsewhere;
    this.#announce.family = options.socket.family;
    this.#maxPeers = Math.floor(
      (MAX_REPLY_BYTES - ANNOUNCE_REPLY_HEADER_BYTES) / (options.socket.family === 4 ? 6 : 18),
    );
    this.#waiting = Array.from({ length: GROUPS }, () => new WaitingDatagrams(options.socket.family));
    options.groups.onSettled((group, error) => this.#settled(group, error));
  }

  start(): void {
    this.#socket.start((count) => this.#receive(count));
  }

  #receive(count: number): void {
    // Only the master answers, and only while it holds its lease.
    if (!this.#log.mayAnswer()) {
      this.#elsewhere?.(count);
      return;
    }
    const { received } = this.#socket;
    const now = Math.floor(this.#state.clock.now() / 1000);
    const timed = this.#batches++ % TIMED_BATCHES === 0;
    const began = timed ? performance.now() : 0;
    const answered = this.#counters[COUNTER.udpAnnounces];
    this.#lookAhead(count);
    for (let slot = 0; slot < count; slot++) {
      const at = slot * received.stride;
      const length = received.lengths[slot];
      const request = this.#requests[slot];
      if (request === REQUEST_ANNOUNCE) this.#announced(slot, at, length, now);
      else if (request === REQUEST_CONNECT) this.#connect(slot, at, now);
      else if (request === REQUEST_SCRAPE) this.#scrape(slot, at, length, now);
      else this.#counters[COUNTER.udpMalformed]++;
    }
    // The process may have stood still meanwhile, and another be the master.
    if (!this.#log.mayAnswer()) this.#socket.drop();
    this.#groups.send();
    if (timed) {
      const replies = this.#counters[COUNTER.udpAnnounces] - answered;
      countLatency(this.#counters, LATENCY_ANSWER, performance.now() - began, replies * TIMED_BATCHES);
    }
  }

  /**
   * Sorts the batch and finds the swarms of all announces before any is answered. With a million peers each step to a
   * swarm and on to its peers misses the cache; in short loops the processor waits for many of them at once.
   */
  #lookAhead(count: number): void {
    const { received, family } = this.#socket;
    const { table } = this.#state;
    const store = family === 4 ? table.peers4 : table.peers6;
    for (let slot = 0; slot < count; slot++) {
      const at = slot * received.stride;
      const length = received.lengths[slot];
      const request = length < RECEIVE_STRIDE ? classifyRequest(received.view, at, length) : REQUEST_MALFORMED;
      this.#requests[slot] = request;
      this.#swarms[slot] =
        request === REQUEST_ANNOUNCE ? table.swarms.find(received.words32, (at + ANNOUNCE_INFO_HASH) >> 2) : -1;
    }
    for (let slot = 0; slot < count; slot++) if (this.#swarms[slot] >= 0) store.touchRegion(this.#swarms[slot]);
  }

  #connect(slot: number, at: number, now: number): void {
    const { received, outgoing, family } = this.#socket;
    const ids = this.#state.connectionIds;
    if (ids === undefined) return;
    ids.issue(family, received.endpointWords, this.#addressWord(slot), now);
    const to = this.#reserve(received.endpointWords, slot * ENDPOINT_WORDS) * outgoing.stride;
    const transaction = received.view.getInt32(at + REQUEST_TRANSACTION_ID);
    this.#socket.queue(writeConnectReply(outgoing.view, to, transaction, ids.high, ids.low));
    this.#counters[COUNTER.udpConnects]++;
  }

  #announced(slot: number, at: number, length: number, now: number): void {
    const { received } = this.#socket;
    const { view } = received;
    if (!this.#hasValidId(slot, at, now)) return;
    const transaction = view.getInt32(at + REQUEST_TRANSACTION_ID);
    const announce = this.#announce;
    const event = view.getInt32(at + ANNOUNCE_EVENT);
    announce.event = event >= EVENT_NONE && event <= EVENT_STOPPED ? event : EVENT_NONE;
    const port = received.words16[(at + ANNOUNCE_PORT) >> 1];
    if (port === 0 && announce.event !== EVENT_STOPPED) {
      this.#refuse(received.endpointWords, slot * ENDPOINT_WORDS, transaction, PORT_0);
      return;
    }
    const hashAt = (at + ANNOUNCE_INFO_HASH) >> 2;
    for (let word = 0; word < 5; word++) announce.infoHashWords[word] = received.words32[hashAt + word];
    const ipWords = announce.family === 4 ? 2 : 8;
    const ipAt = (slot * ENDPOINT_BYTES + ENDPOINT_ADDRESS[announce.family]) >> 1;
    for (let word = 0; word < ipWords; word++) announce.addressWords[word] = received.endpointWords16[ipAt + word];
    announce.addressWords[ipWords] = port;
    const leftHigh = view.getUint32(at + ANNOUNCE_LEFT);
    announce.left = Math.min(leftHigh * 2 ** 32 + view.getUint32(at + ANNOUNCE_LEFT + 4), Number.MAX_SAFE_INTEGER);
    announce.numWant = view.getInt32(at + ANNOUNCE_NUM_WANT);
    announce.name = undefined;
    if (length > ANNOUNCE_OPTIONS) this.#readContent(at + ANNOUNCE_OPTIONS, at + length);

    const verdict = this.#sender.receive(announce, now, this.#swarms[slot]);
    if (verdict === ANSWER) {
      this.#answer(received.endpointWords, slot * ENDPOINT_WORDS, transaction);
    } else if (verdict === WAIT) {
      const kept = this.#waiting[this.#groups.group].keep(
        announce,
        transaction,
        received.endpointWords,
        slot * ENDPOINT_WORDS,
      );
      if (!kept) this.#counters[COUNTER.announcesDropped]++;
    } else if (verdict === REFUSED) {
      this.#refuse(received.endpointWords, slot * ENDPOINT_WORDS, transaction, NOT_ADMITTED);
    }
  }

  /** Name and size, which peers of ours put into the URL data of BEP 41; other clients put a path without a query there. */
  #readContent(from: number, to: number): void {
    const { bytes } = this.#socket.received;
    let at = from;
    while (at < to && bytes[at] !== QUESTION_MARK) at++;
    if (at === to) return;
    const urlData = readUrlData(bytes, from, to);
    if (urlData === undefined) return;
    const { name, size } = parseContentQuery(urlData);
    if (name === undefined) return;
    this.#announce.name = new TextEncoder().encode(name);
    this.#announce.size = size ?? UNKNOWN_SIZE;
  }

  #scrape(slot: number, at: number, length: number, now: number): void {
    const { received, outgoing } = this.#socket;
    if (!this.#hasValidId(slot, at, now)) return;
    const { table } = this.#state;
    const start = this.#reserve(received.endpointWords, slot * ENDPOINT_WORDS) * outgoing.stride;
    const transaction = received.view.getInt32(at + REQUEST_TRANSACTION_ID);
    let to = start + writeScrapeReplyHeader(outgoing.view, start, transaction);
    for (let hash = at + SCRAPE_INFO_HASHES; hash < at + length; hash += 20) {
      const swarm = table.swarms.find(received.words32, hash >> 2);
      const seeders = swarm < 0 ? 0 : table.seedersOf(swarm);
      const completed = swarm < 0 ? 0 : table.completedOf(swarm);
      const leechers = swarm < 0 ? 0 : table.leechersOf(swarm);
      to += writeScrapeEntry(outgoing.view, to, seeders, completed, leechers);
    }
    this.#socket.queue(to - start);
    this.#counters[COUNTER.udpScrapes]++;
  }

  /** A wrong ID gets no answer at all: the sender's address is not proven, and may be somebody else's. */
  #hasValidId(slot: number, at: number, now: number): boolean {
    const { received, family } = this.#socket;
    const ids = this.#state.connectionIds;
    const high = received.view.getInt32(at);
    const low = received.view.getInt32(at + 4);
    if (ids?.isValid(high, low, family, received.endpointWords, this.#addressWord(slot), now)) return true;
    this.#counters[COUNTER.udpBadConnectionId]++;
    return false;
  }

  /** Replies to the announce that the sender received or located last. */
  #answer(endpoints: Int32Array, endpoint: number, transaction: number): void {
    const { outgoing, family } = this.#socket;
    const sender = this.#sender;
    const at = this.#reserve(endpoints, endpoint) * outgoing.stride;
    const header = writeAnnounceReplyHeader(
      outgoing.view,
      at,
      transaction,
      this.#intervalSeconds,
      sender.leechers,
      sender.seeders,
    );
    const peers = sender.copyPeers(this.#announce, outgoing.words16, (at + header) >> 1, this.#maxPeers);
    this.#socket.queue(header + peers * (family === 4 ? 6 : 18));
    this.#counters[COUNTER.udpAnnounces]++;
  }

  #refuse(endpoints: Int32Array, endpoint: number, transaction: number, reason: Uint8Array): void {
    const { outgoing } = this.#socket;
    const at = this.#reserve(endpoints, endpoint) * outgoing.stride;
    this.#socket.queue(writeErrorReply(outgoing.view, at, transaction, reason));
    this.#counters[COUNTER.udpErrors]++;
  }

  #settled(group: number, error: Error | undefined): void {
    const waiting = this.#waiting[group];
    // A change whose outcome is not known is not answered: the client repeats it.
    for (let i = 0; i < waiting.count && error === undefined; ) {
      const end = Math.min(i + BATCH_SLOTS, waiting.count);
      for (; i < end; i++) {
        waiting.restore(i, this.#announce);
        this.#sender.locate(this.#announce);
        this.#answer(waiting.endpoints, i * ENDPOINT_WORDS, waiting.transactions[i]);
      }
      if (!this.#log.mayAnswer()) {
        this.#socket.drop();
        break;
      }
      this.#socket.flush();
    }
    if (waiting.count > 0 && error === undefined) {
      const ms = performance.now() - this.#groups.waitingSince(group);
      countLatency(this.#counters, LATENCY_ANSWER, ms, waiting.count);
    }
    waiting.clear();
  }

  /** A slot to write a reply into, addressed to the endpoint. */
  #reserve(endpoints: Int32Array, endpoint: number): number {
    const slot = this.#socket.reserve();
    const { endpointWords } = this.#socket.outgoing;
    const to = slot * ENDPOINT_WORDS;
    const words = ENDPOINT_USED_WORDS[this.#socket.family];
    for (let word = 0; word < words; word++) endpointWords[to + word] = endpoints[endpoint + word];
    return slot;
  }

  #addressWord(slot: number): number {
    return slot * ENDPOINT_WORDS + (ENDPOINT_ADDRESS[this.#socket.family] >> 2);
  }
}

export interface UdpFrontEndOptions {
  readonly socket: UdpSocket;
  readonly log: Pick<ReplicatedLog, 'mayAnswer'>;
  readonly state: TrackerState;
  readonly sender: PeerInfoSender;
  readonly groups: LogGroups;
  readonly counters: Counters;
  readonly intervalSeconds: number;
  /** Takes the datagrams received, as many as it is told, while this instance may not answer; without it they are lost. */
  readonly elsewhere?: (count: number) => void;
}

/** The time that one batch in so many takes stands for the others. */
const TIMED_BATCHES = 8;
/** A reply passes any path without being cut up. */
const MAX_REPLY_BYTES = 1200;

const QUESTION_MARK = 0x3f;
const PORT_0 = new TextEncoder().encode('port 0 cannot be reached: announce the port you listen on');
const NOT_ADMITTED = new TextEncoder().encode('this tracker does not serve that content');
