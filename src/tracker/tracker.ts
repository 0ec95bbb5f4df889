import type { Socket } from 'node:net';
import type { ClusterStatus } from '../cluster/replicated-log.ts';

/**
 * One tracker instance as the rest of its process sees it: what the API, the pages and the command line
 * read and change. The work itself happens on threads of its own (see README.md).
 */
export interface Tracker {
  /** UDP and HTTP port for clients, the same number; known once started. */
  readonly clientPort: number;
  /** Addresses that clients can reach it at, e.g. `127.0.0.1`, `::1`. */
  readonly clientHosts: readonly string[];
  /** TCP port for the other members. */
  readonly memberPort: number;
  /** What it was started with. */
  readonly settings: InstanceSettings;
  status(): ClusterStatus;
  /**
   * Calls the listener when the role, the term, the master or the members are others, and several times a second with what
   * keepalives say. Returns the way to stop it.
   */
  onStatus(listener: (status: ClusterStatus) => void): () => void;
  /** What was counted since the start; each call reads the current values. */
  metrics(): TrackerMetrics;
  /**
   * A page of the contents. In the order of their sha1 it shows every change acknowledged before the call.
   * Rejects with the codes BAD_CURSOR, TOO_MANY_CONTENTS, OVERLOADED where contents are searched or sorted.
   */
  contents(query: ContentsQuery): Promise<ContentsPage>;
  /** One content with a page of its peers; undefined if nobody ever announced it. */
  content(sha1: string, query: PeersQuery): Promise<ContentDetail | undefined>;
  admission(query: AdmissionQuery): Promise<AdmissionPage>;
  /** Replicates the change; resolves once it is durable. Rejects with the codes of `ReplicatedLog.propose`. */
  changeAdmission(change: AdmissionChange): Promise<void>;
  /**
   * The master hands mastership to another voter; any instance may be asked. Resolves when it is done. Rejects with the code
   * NOT_MASTER where there is none now, HANDOVER_FAILED where nobody can take it.
   */
  stepDown(): Promise<void>;
  /**
   * Takes a member that is dead or was stopped out of the cluster; any instance may be asked. Resolves when it is out. Rejects
   * with the code NOT_MASTER where there is none now, NO_MEMBER, MEMBER_ALIVE, MEMBER_NEEDED where it stays, UNCERTAIN.
   */
  removeMember(member: string): Promise<void>;
  /** Answers `GET /announce` or `/scrape` for the general HTTP server, with the bytes of the body. */
  answerHttp(request: TrackerHttpRequest): Promise<TrackerHttpReply>;
  /** Hands over the connections that the fast path for announces leaves to the general HTTP server. */
  onConnection(listener: (connection: HandedConnection) => void): void;
  /** Settles when the instance has stopped: undefined after `close`, the reason after a failure. */
  readonly stopped: Promise<Error | undefined>;
  close(): Promise<void>;
}

/** What an instance was started with, as far as it is for everybody to know. */
export interface InstanceSettings {
  /** The cluster's name. */
  readonly cluster: string;
  /** What people call this instance. */
  readonly name: string;
  /** Where peers ask by multicast; undefined: nowhere. */
  readonly group: MulticastGroup | undefined;
  /** Where members find each other; undefined: where the transport does by default. */
  readonly memberGroup: MulticastGroup | undefined;
  /** Whether members prove a key to each other. */
  readonly hasKey: boolean;
  /** So many instances found a cluster. */
  readonly expect: number;
  /** How often peers are asked to announce. */
  readonly intervalSeconds: number;
  /** How long a voter is dead before it is replaced, milliseconds; undefined: as the engine has it. */
  readonly replaceAfterMs: number | undefined;
}

/** Where several hear one datagram. */
export interface MulticastGroup {
  readonly host: string;
  readonly port: number;
}

export type ContentsSort = 'sha1' | 'name' | 'size' | 'seeders' | 'leechers' | 'completed';
export type ContentsOrder = 'asc' | 'desc';

/** With `search` or `sort`, from an index of all contents that may be seconds old where they are very many. */
export interface ContentsQuery {
  /** `next` of the page before: a sha1 where nothing is searched or sorted. */
  readonly after?: string | undefined;
  readonly limit: number;
  /** Part of the name, whatever the case, or the beginning of the sha1. */
  readonly search?: string | undefined;
  readonly sort?: ContentsSort | undefined;
  /** By default `asc`. What has no name or size comes last in both. */
  readonly order?: ContentsOrder | undefined;
}

export interface Content {
  /** The info-hash, 40 hexadecimal digits. */
  readonly sha1: string;
  readonly name: string | null;
  /** Bytes. */
  readonly size: number | null;
  readonly seeders: number;
  readonly leechers: number;
  /** Downloads completed so far. */
  readonly completed: number;
}

export interface ContentsPage {
  readonly contents: readonly Content[];
  /** Pass as `after` for the next page; null on the last. */
  readonly next: string | null;
  /** How many match in all; null where nothing is searched or sorted. */
  readonly total: number | null;
  /** Log index that the answer shows. */
  readonly appliedIndex: bigint;
}

export interface PeersQuery {
  /** Opaque: `next` of the page before. */
  readonly after?: string;
  readonly limit: number;
}

export interface ContentPeer {
  readonly host: string;
  readonly port: number;
  /** Bytes it still lacks, as of its last logged announce. */
  readonly left: number;
  /** Milliseconds of Unix time, as well as this instance's clock knows it. */
  readonly lastSeen: number;
}

export interface ContentDetail extends Content {
  readonly peers: readonly ContentPeer[];
  readonly next: string | null;
  readonly appliedIndex: bigint;
}

export type AdmissionMode = 'open' | 'allow' | 'deny';
export type AdmissionList = 'allow' | 'deny';

export interface AdmissionQuery {
  readonly list: AdmissionList;
  readonly after?: string;
  readonly limit: number;
}

export interface AdmissionPage {
  readonly mode: AdmissionMode;
  readonly sha1s: readonly string[];
  readonly next: string | null;
}

export type AdmissionChange =
  | { readonly mode: AdmissionMode }
  | { readonly list: AdmissionList; readonly add?: readonly string[]; readonly remove?: readonly string[] };

export interface TrackerHttpRequest {
  readonly path: '/announce' | '/scrape';
  /** Raw query string, without the question mark. */
  readonly query: string;
  /** Address of the client in text form. */
  readonly remoteAddress: string;
}

export interface TrackerHttpReply {
  readonly status: number;
  readonly body: Uint8Array;
}

/** A client's TCP connection: a descriptor with what was already read from it, or a fresh socket. */
export type HandedConnection = { readonly fd: number; readonly head: Uint8Array } | { readonly socket: Socket };

/** Counters only grow; gauges are values of now. */
export interface TrackerMetrics {
  readonly counters: Readonly<Record<CounterName, number>>;
  readonly swarms: number;
  readonly peers: number;
  readonly seeders: number;
  /** Counts of how long announces by UDP were answered in, by the buckets of latency.ts; counters. */
  readonly answerLatency: Float64Array;
  /** The same of batches of changes, from the proposal until they are durable on a quorum and applied. */
  readonly commitLatency: Float64Array;
  /** Cluster time, milliseconds. */
  readonly clusterTimeMs: number;
  readonly commitIndex: bigint;
  /** Entries that the SQLite tables are behind the log. */
  readonly tablesLag: bigint;
  /** Entries that the log still has, for members that were away. */
  readonly logEntries: number;
  /** What came over the members' network and was refused: without the key, replayed, malformed; a counter. */
  readonly memberMessagesRefused: number;
}

/** What is counted, with its meaning for people. The order is the layout in shared memory: append only. */
export const COUNTERS = {
  udpConnects: 'UDP connects answered',
  udpAnnounces: 'UDP announces answered',
  udpScrapes: 'UDP scrapes answered',
  udpErrors: 'UDP error replies sent',
  udpMalformed: 'UDP datagrams ignored: too short, too long or of no known action',
  udpBadConnectionId: 'UDP datagrams ignored: connection ID wrong or expired',
  udpUnsent: 'UDP replies the kernel did not take',
  announcesDropped: 'announces dropped: too many waited for the log',
  httpAnnounces: 'HTTP announces answered',
  httpScrapes: 'HTTP scrapes answered',
  httpFailures: 'HTTP requests answered with a failure reason',
  httpHandedOver: 'HTTP connections handed to the general server',
  announcesLogged: 'announces that changed something and went through the log',
  touchesLogged: 'announces whose freshness went through the log',
  peersExpired: 'peers proposed for expiry',
  refusedByAdmission: 'announces refused by the admission list',
  refusedWhileFull: 'announces dropped: tables full or too far behind',
  batchesProposed: 'batches proposed to the log',
  batchesApplied: 'batches applied to the swarm table',
  udpForwarded: 'UDP datagrams of clients forwarded to the master',
  httpForwarded: 'HTTP requests of clients forwarded to the master',
} as const;

export type CounterName = keyof typeof COUNTERS;
