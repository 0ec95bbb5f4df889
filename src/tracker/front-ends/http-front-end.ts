import { EVENT_COMPLETED, EVENT_NONE, EVENT_STARTED, EVENT_STOPPED } from '../../bittorrent/bep15.ts';
import { MAX_CONTENT_NAME_BYTES } from '../../bittorrent/content-query.ts';
import {
  type AnnounceEvent,
  type AnnounceQuery,
  parseAnnounceQuery,
  parseScrapeQuery,
  TrackerRequestError,
} from '../../bittorrent/http-query.ts';
import { encodeAnnounceReply, encodeFailure, encodeScrapeReply } from '../../bittorrent/http-reply.ts';
import type { ReplicatedLog } from '../../cluster/replicated-log.ts';
import { Announce } from '../announce.ts';
import { COUNTER, type Counters } from '../counters.ts';
import { GROUPS, type LogGroups } from '../log-group.ts';
import { UNKNOWN_SIZE } from '../operations.ts';
import { ANSWER, DROP, type PeerInfoSender, REFUSED } from '../peer-info-sender.ts';
import type { TrackerState } from '../tracker-state.ts';

/**
 * Takes the reply to one request.
 * @param body bencoded; valid until the callee returns
 */
export type RespondHttp = (status: 200 | 503, body: Uint8Array) => void;

/** Takes requests by HTTP, whoever reads them and sends the replies. */
export interface HttpRequests {
  /**
   * @param query raw, behind the question mark, one character a byte
   * @param ip the client's address, 4 or 16 bytes; copied
   */
  announce(query: string, ip: Uint8Array, respond: RespondHttp): void;
  scrape(query: string, ip: Uint8Array, respond: RespondHttp): void;
}

/** BEP 3 with 7, 23, 24, 31 and 48: the master's answers to announces and scrapes by HTTP. */
export class HttpFrontEnd implements HttpRequests {
  readonly #log: ReplicatedLog;
  readonly #state: TrackerState;
  readonly #sender: PeerInfoSender;
  readonly #groups: LogGroups;
  readonly #counters: Counters;
  readonly #intervalSeconds: number;
  readonly #announce = new Announce();
  /** Announces whose replies wait for each group of the log. */
  readonly #waiting: Waiting[][] = Array.from({ length: GROUPS }, () => []);
  readonly #peers = new Uint16Array(MAX_PEERS * 9);
  readonly #peerBytes = new Uint8Array(this.#peers.buffer);
  readonly #body = new Uint8Array(MAX_BODY_BYTES);

  constructor(options: HttpFrontEndOptions) {
    this.#log = options.log;
    this.#state = options.state;
    this.#sender = options.sender;
    this.#groups = options.groups;
    this.#counters = options.counters;
    this.#intervalSeconds = options.intervalSeconds;
    options.groups.onSettled((group, error) => this.#settled(group, error));
  }

  announce(query: string, ip: Uint8Array, respond: RespondHttp): void {
    if (!this.#log.mayAnswer()) {
      this.refuse(respond);
      return;
    }
    let request: AnnounceQuery;
    try {
      request = parseAnnounceQuery(query);
    } catch (error) {
      if (!(error instanceof TrackerRequestError)) throw error;
      this.#fail(respond, error.message);
      return;
    }
    if (request.port === 0 && request.event !== 'stopped') {
      this.#fail(respond, 'port 0 cannot be reached: announce the port you listen on');
      return;
    }
    this.#fill(request, ip);
    const verdict = this.#sender.receive(this.#announce, Math.floor(this.#state.clock.now() / 1000));
    if (verdict === ANSWER) {
      this.#answer(request, respond);
    } else if (verdict === REFUSED) {
      this.#fail(respond, 'this tracker does not serve that content');
    } else {
      const waiting = this.#waiting[this.#groups.group];
      if (verdict === DROP || waiting.length === MAX_WAITING) this.#fail(respond, OVERLOADED, 503);
      else waiting.push({ request, ip: ip.slice(), respond });
    }
    this.#groups.send();
  }

  scrape(query: string, _ip: Uint8Array, respond: RespondHttp): void {
    if (!this.#log.mayAnswer()) {
      this.refuse(respond);
      return;
    }
    let hashes: Uint8Array[];
    try {
      hashes = parseScrapeQuery(query);
    } catch (error) {
      if (!(error instanceof TrackerRequestError)) throw error;
      this.#fail(respond, error.message);
      return;
    }
    const { table } = this.#state;
    const announce = this.#announce;
    const entries = hashes.map((infoHash) => {
      announce.infoHash.set(infoHash);
      const swarm = table.swarms.find(announce.infoHashWords, 0);
      const known = swarm >= 0;
      return {
        infoHash,
        complete: known ? table.seedersOf(swarm) : 0,
        downloaded: known ? table.completedOf(swarm) : 0,
        incomplete: known ? table.leechersOf(swarm) : 0,
      };
    });
    respond(200, this.#body.subarray(0, encodeScrapeReply(this.#body, 0, entries)));
    this.#counters[COUNTER.httpScrapes]++;
  }

  /** Says that there is no master now (BEP 31). */
  refuse(respond: RespondHttp): void {
    this.#fail(respond, NO_MASTER, 503);
  }

  #fill(request: AnnounceQuery, ip: Uint8Array): void {
    const announce = this.#announce;
    announce.family = ip.length === 4 ? 4 : 6;
    announce.infoHash.set(request.infoHash);
    announce.address.set(ip);
    announce.address[ip.length] = request.port >> 8;
    announce.address[ip.length + 1] = request.port & 0xff;
    announce.event = EVENTS[request.event];
    announce.left = request.left;
    announce.numWant = request.numWant ?? -1;
    announce.name = request.name === undefined ? undefined : new TextEncoder().encode(request.name);
    if (announce.name !== undefined && announce.name.length > MAX_CONTENT_NAME_BYTES) announce.name = undefined;
    announce.size = request.size ?? UNKNOWN_SIZE;
  }

  /** Replies to the announce that the sender received or located last. */
  #answer(request: AnnounceQuery, respond: RespondHttp): void {
    const announce = this.#announce;
    const sender = this.#sender;
    const isIpv4 = announce.family === 4;
    const peers = sender.copyPeers(announce, this.#peers, 0, MAX_PEERS);
    const bytes = this.#peerBytes.subarray(0, peers * (isIpv4 ? 6 : 18));
    const end = encodeAnnounceReply(
      this.#body,
      0,
      {
        intervalSeconds: this.#intervalSeconds,
        minIntervalSeconds: Math.max(1, Math.floor(this.#intervalSeconds * MIN_SHARE_OF_INTERVAL)),
        complete: sender.seeders,
        incomplete: sender.leechers,
        downloaded: sender.completed,
        peers: isIpv4 ? bytes : NO_PEERS,
        peers6: isIpv4 ? NO_PEERS : bytes,
        externalIp: announce.address.subarray(0, isIpv4 ? 4 : 16),
      },
      request.compact,
    );
    respond(200, this.#body.subarray(0, end));
    this.#counters[COUNTER.httpAnnounces]++;
  }

  #settled(group: number, error: Error | undefined): void {
    const waiting = this.#waiting[group];
    this.#waiting[group] = [];
    const mayAnswer = this.#log.mayAnswer();
    for (const { request, ip, respond } of waiting) {
      if (error !== undefined || !mayAnswer) {
        this.refuse(respond);
      } else {
        this.#fill(request, ip);
        this.#sender.locate(this.#announce);
        this.#answer(request, respond);
      }
    }
  }

  #fail(respond: RespondHttp, reason: string, status: 200 | 503 = 200): void {
    const retryInMinutes = status === 503 ? RETRY_MINUTES : undefined;
    respond(status, this.#body.subarray(0, encodeFailure(this.#body, 0, reason, retryInMinutes)));
    this.#counters[COUNTER.httpFailures]++;
  }
}

export interface HttpFrontEndOptions {
  readonly log: ReplicatedLog;
  readonly state: TrackerState;
  readonly sender: PeerInfoSender;
  readonly groups: LogGroups;
  readonly counters: Counters;
  readonly intervalSeconds: number;
}

interface Waiting {
  readonly request: AnnounceQuery;
  readonly ip: Uint8Array;
  readonly respond: RespondHttp;
}

const EVENTS: Readonly<Record<AnnounceEvent, number>> = {
  none: EVENT_NONE,
  started: EVENT_STARTED,
  completed: EVENT_COMPLETED,
  stopped: EVENT_STOPPED,
};

/** Most peers in one reply. */
const MAX_PEERS = 200;
/** Fits MAX_PEERS in the long form, and a scrape of as many contents as one query names. */
const MAX_BODY_BYTES = 32 << 10;
/** Requests that wait for one group of the log. */
const MAX_WAITING = 4096;
/** `min interval` is this share of the interval. */
const MIN_SHARE_OF_INTERVAL = 1 / 2;
/** BEP 31 counts in minutes; an election takes less than a second. */
const RETRY_MINUTES = 1;
const NO_PEERS = new Uint8Array(0);
const NO_MASTER = 'the tracker has no master now; try again';
const OVERLOADED = 'the tracker is overloaded; try again';
