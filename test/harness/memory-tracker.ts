import type { ClusterStatus, MemberStatus } from '../../src/cluster/replicated-log.ts';
import { LATENCY_BUCKETS } from '../../src/tracker/latency.ts';
import { ContentsIndex } from '../../src/tracker/listing/contents-index.ts';
import {
  type AdmissionChange,
  type AdmissionList,
  type AdmissionMode,
  type AdmissionPage,
  type AdmissionQuery,
  COUNTERS,
  type ContentDetail,
  type ContentPeer,
  type ContentsPage,
  type ContentsQuery,
  type CounterName,
  type HandedConnection,
  type InstanceSettings,
  type PeersQuery,
  type Tracker,
  type TrackerHttpReply,
  type TrackerHttpRequest,
  type TrackerMetrics,
} from '../../src/tracker/tracker.ts';

interface StoredContent {
  name: string | null;
  size: number | null;
  completed: number;
  peers: ContentPeer[];
}

/** Who it is. */
export const MEMBER_ID = '00000000-0000-4000-8000-000000000001';

/** A slave that has all, and whatever else is said of it. */
export function otherMember(told: Partial<MemberStatus> = {}): MemberStatus {
  return {
    id: '00000000-0000-4000-8000-000000000002',
    name: 'two',
    address: '127.0.0.1',
    clientPort: 6970,
    role: 'slave',
    voter: true,
    alive: true,
    lastKeepaliveMs: 40,
    appliedIndex: 0n,
    lag: 0n,
    stateHash: '',
    ...told,
  };
}

/**
 * A tracker without threads, sockets and disk, for tests of what stands on the `Tracker` seam: contents, admission
 * lists and counters are real and in memory, HTTP replies are made by `answer`.
 */
export class MemoryTracker implements Tracker {
  readonly clientPort: number;
  readonly clientHosts: readonly string[];
  readonly memberPort = 7969;
  readonly settings: InstanceSettings = {
    cluster: 'test',
    name: 'one',
    group: { host: '239.255.77.69', port: 6969 },
    memberGroup: undefined,
    hasKey: false,
    expect: 3,
    intervalSeconds: 1_800,
    replaceAfterMs: undefined,
  };
  readonly stopped: Promise<Error | undefined>;
  readonly counters = Object.fromEntries(Object.keys(COUNTERS).map((name) => [name, 0])) as Record<CounterName, number>;
  readonly asked: TrackerHttpRequest[] = [];
  readonly #contents = new Map<string, StoredContent>();
  readonly #lists: Record<AdmissionList, Set<string>> = { allow: new Set(), deny: new Set() };
  /** Members of its cluster beside itself. */
  others: MemberStatus[] = [];
  memberMessagesRefused = 0;
  readonly answerLatency = new Float64Array(LATENCY_BUCKETS);
  readonly commitLatency = new Float64Array(LATENCY_BUCKETS);
  stepDowns = 0;
  #mode: AdmissionMode = 'open';
  #index = 0n;
  readonly #statusListeners = new Set<(status: ClusterStatus) => void>();
  #listener: ((connection: HandedConnection) => void) | undefined;
  #stop!: (reason: Error | undefined) => void;
  /** Thrown by the next changes, as a log that cannot take them would. */
  failChangesWith: Error | undefined;
  answer: (request: TrackerHttpRequest) => TrackerHttpReply | Promise<TrackerHttpReply> = () => ({
    status: 200,
    body: Buffer.from('d8:intervali1800ee'),
  });

  constructor(options: { clientPort?: number; clientHosts?: readonly string[] } = {}) {
    this.clientPort = options.clientPort ?? 6969;
    this.clientHosts = options.clientHosts ?? ['127.0.0.1', '::1'];
    this.stopped = new Promise((resolve) => {
      this.#stop = resolve;
    });
  }

  /** Puts a content and its peers there; the sha1 in small letters. */
  add(sha1: string, content: Partial<StoredContent> = {}): void {
    this.#index++;
    this.#contents.set(sha1, { name: null, size: null, completed: 0, peers: [], ...content });
  }

  /** Connects it with a listener, as the serve thread would. */
  hand(connection: HandedConnection): void {
    if (this.#listener === undefined) throw new Error('nobody takes connections');
    this.#listener(connection);
  }

  async stepDown(): Promise<void> {
    if (this.failChangesWith) throw this.failChangesWith;
    this.stepDowns++;
  }

  async removeMember(member: string): Promise<void> {
    if (this.failChangesWith) throw this.failChangesWith;
    this.others = this.others.filter(({ id }) => id !== member);
  }

  fail(reason: Error): void {
    this.#stop(reason);
  }

  status(): ClusterStatus {
    const self = MEMBER_ID;
    return {
      cluster: 'test',
      term: 1n,
      role: 'master',
      master: self,
      self,
      commitIndex: this.#index,
      members: [
        {
          id: self,
          name: 'one',
          address: '127.0.0.1',
          clientPort: this.clientPort,
          role: 'master',
          voter: true,
          alive: true,
          lastKeepaliveMs: 0,
          appliedIndex: this.#index,
          lag: 0n,
          stateHash: '',
        },
        ...this.others,
      ],
    };
  }

  onStatus(listener: (status: ClusterStatus) => void): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  /** Tells the listeners what `status` says now. */
  tellStatus(): void {
    for (const listener of this.#statusListeners) listener(this.status());
  }

  metrics(): TrackerMetrics {
    const peers = Array.from(this.#contents.values(), (content) => content.peers).flat();
    return {
      counters: { ...this.counters },
      swarms: this.#contents.size,
      peers: peers.length,
      seeders: peers.filter((peer) => peer.left === 0).length,
      answerLatency: this.answerLatency.slice(),
      commitLatency: this.commitLatency.slice(),
      clusterTimeMs: 1_500,
      commitIndex: this.#index,
      tablesLag: 0n,
      logEntries: 0,
      memberMessagesRefused: this.memberMessagesRefused,
    };
  }

  async contents({ after, limit, search, sort, order = 'asc' }: ContentsQuery): Promise<ContentsPage> {
    const appliedIndex = this.#index;
    const sha1s = [...this.#contents.keys()].sort();
    if (search === undefined && sort === undefined) {
      const { items, next } = page(sha1s, after, limit);
      return { contents: items.map((sha1) => this.#summary(sha1)), next, total: null, appliedIndex };
    }
    const index = new ContentsIndex();
    for (const sha1 of sha1s) index.add(this.#summary(sha1));
    const found = index.query({ search: search ?? '', sort: sort ?? 'sha1', order, after, limit });
    const { next, total } = found;
    return { contents: found.sha1s.map((sha1) => this.#summary(sha1)), next, total, appliedIndex };
  }

  async content(sha1: string, { after, limit }: PeersQuery): Promise<ContentDetail | undefined> {
    const content = this.#contents.get(sha1);
    if (content === undefined) return undefined;
    const start = after === undefined ? 0 : Number(after);
    const end = start + limit;
    return {
      ...this.#summary(sha1),
      peers: content.peers.slice(start, end),
      next: end < content.peers.length ? String(end) : null,
      appliedIndex: this.#index,
    };
  }

  async admission({ list, after, limit }: AdmissionQuery): Promise<AdmissionPage> {
    const { items, next } = page([...this.#lists[list]], after, limit);
    return { mode: this.#mode, sha1s: items, next };
  }

  async changeAdmission(change: AdmissionChange): Promise<void> {
    if (this.failChangesWith !== undefined) throw this.failChangesWith;
    this.#index++;
    if ('mode' in change) {
      this.#mode = change.mode;
      return;
    }
    for (const sha1 of change.add ?? []) this.#lists[change.list].add(sha1);
    for (const sha1 of change.remove ?? []) this.#lists[change.list].delete(sha1);
  }

  async answerHttp(request: TrackerHttpRequest): Promise<TrackerHttpReply> {
    this.asked.push(request);
    return this.answer(request);
  }

  onConnection(listener: (connection: HandedConnection) => void): void {
    this.#listener = listener;
  }

  async close(): Promise<void> {
    this.#stop(undefined);
  }

  #summary(sha1: string) {
    const { name, size, completed, peers } = this.#contents.get(sha1)!;
    const seeders = peers.filter((peer) => peer.left === 0).length;
    return { sha1, name, size, seeders, leechers: peers.length - seeders, completed };
  }
}

function page(sha1s: string[], after: string | undefined, limit: number): { items: string[]; next: string | null } {
  const rest = sha1s.sort().filter((sha1) => after === undefined || sha1 > after);
  const items = rest.slice(0, limit);
  return { items, next: rest.length > limit ? items[items.length - 1] : null };
}
