import { stat } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { keepCompiledCode } from '../cluster/compiled-code.ts';
import { LogClient, lagOf } from '../cluster/log-client.ts';
import { startRaftLog } from '../cluster/raft/raft.ts';
import type { ClusterStatus } from '../cluster/replicated-log.ts';
import type { RunningLog } from '../cluster/running-log.ts';
import type { MemberKey } from '../cluster/transport/member-key.ts';
import { hasBatchedCalls } from '../net/platform.ts';
import { ATTEMPTS_TO_FIND_A_PORT } from './client-sockets.ts';
import {
  type Counters,
  GAUGE_CLUSTER_TIME_MS,
  GAUGE_PEERS,
  GAUGE_SEEDERS,
  GAUGE_SWARMS,
  LATENCY_ANSWER,
  LATENCY_COMMIT,
  newCounters,
  readCounters,
  readLatency,
} from './counters.ts';
import { ListingClient } from './listing/listing-client.ts';
import { MAX_EARLY_CONNECTIONS, ServeClient } from './serve-client.ts';
import { ContentsReader } from './tables/contents-reader.ts';
import { DatabaseClient } from './tables/database-client.ts';
import type { HandedConnection, InstanceSettings, MulticastGroup, Tracker, TrackerMetrics } from './tracker.ts';

export type { MulticastGroup };

export interface TrackerOptions {
  /** The cluster's name. */
  readonly cluster: string;
  /** What people call this instance. */
  readonly name: string;
  /** IP addresses to serve, each by UDP and HTTP. */
  readonly hosts: readonly string[];
  /** Port for clients; 0 takes a free one. */
  readonly port: number;
  /** TCP port for the other members, on the first of `hosts`; 0 takes a free one. */
  readonly memberPort: number;
  /** With no formed cluster in sight, so many instances found one: 1 to 7. */
  readonly expect: number;
  /** Where members find each other; the transport's default where it is left out. */
  readonly memberGroup?: MulticastGroup | undefined;
  /** Where peers ask by multicast; nowhere when it is left out. */
  readonly group?: MulticastGroup | undefined;
  /** The cluster's secret; null: loopback only. */
  readonly key: MemberKey | null;
  /** How long a voter is dead before a learner that has caught up takes its place, milliseconds. */
  readonly replaceAfterMs?: number | undefined;
  /** How much of the log is kept for members that were away, in memory and on disk, bytes. */
  readonly keepLogBytes?: number | undefined;
  /** The data folder; made when it is not there. */
  readonly dataDir: string;
  /** How often peers are asked to announce. */
  readonly intervalSeconds: number;
  /** Told what whoever runs the instance should know: refused strangers, a second cluster of this name. */
  readonly warn?: ((message: string) => void) | undefined;
}

/**
 * Starts a tracker instance: the log, the tables and the serve thread, each on a thread of its own. It resolves when
 * clients are answered.
 * @throws {StorageError} the data folder cannot be used
 * @throws {ServeError} an address cannot be served; `code` is the system's
 */
export async function startTracker(options: TrackerOptions): Promise<Tracker> {
  const opened: { close(): Promise<void> | void }[] = [];
  try {
    const { cluster, name, hosts, port, dataDir, intervalSeconds, expect, group } = options;
    const [host] = hosts;
    // Node's thread pool takes the priority of the thread that first needs it; the log's thread has a higher one.
    await stat(dataDir).catch(() => {});
    const log = await startRaftLog(
      {
        folder: dataDir,
        cluster,
        name,
        host,
        memberPort: options.memberPort,
        clientPort: port,
        expect,
        key: options.key,
        ...(options.memberGroup && { memberGroup: options.memberGroup }),
        ...(options.keepLogBytes !== undefined && { keepLogBytes: options.keepLogBytes }),
        ...(options.replaceAfterMs !== undefined && { replaceAfterMs: options.replaceAfterMs }),
      },
      options.warn,
    );
    opened.unshift(log);
    const client = await LogClient.connect(log.connect());
    opened.unshift(client);
    const tables = join(dataDir, 'tracker.db');
    const database = await DatabaseClient.start(tables, log.connect());
    opened.unshift(database);
    const counters = newCounters();
    const progress = database.progress.buffer;
    const { serve, servers } = await startServing(hosts, port, (freePort) => {
      const logPort = log.connect();
      // Who founds a cluster with others listens before they are there.
      const patienceMs = expect === 1 ? PATIENCE_MS : 0;
      const serving = {
        hosts,
        port: freePort,
        group,
        intervalSeconds,
        patienceMs,
        tables,
        progress,
        log: logPort,
        counters,
      };
      // A damaged table may show first in the thread that checks all of it.
      return ServeClient.start(serving, [logPort], database.failed);
    });
    opened.unshift(serve, ...servers);
    log.describe(serve.port);
    keepCompiledCode();
    return new TrackerInstance({ options, log, client, database, serve, counters, tables, servers });
  } catch (error) {
    for (const part of opened) await part.close();
    throw error;
  }
}

/** What an instance that starts waits at most for a master. */
const PATIENCE_MS = 5_000;

interface Serving {
  readonly serve: ServeClient;
  /** TCP listeners where the serve thread has none. */
  readonly servers: readonly TcpListener[];
}

/** Starts the serve thread, and where it cannot take TCP connections itself, listeners on the same port. */
async function startServing(
  hosts: readonly string[],
  port: number,
  start: (port: number) => Promise<ServeClient>,
): Promise<Serving> {
  if (hasBatchedCalls) return { serve: await start(port), servers: [] };
  for (let attempt = 1; ; attempt++) {
    const servers: TcpListener[] = [];
    try {
      for (const host of hosts) servers.push(await listen(host, servers[0]?.port ?? port));
      return { serve: await start(servers[0].port), servers };
    } catch (error) {
      for (const server of servers) server.close();
      // A port that is free for TCP on one address may be taken elsewhere: try the next one.
      const retry = port === 0 && (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!retry || attempt === ATTEMPTS_TO_FIND_A_PORT) throw error;
    }
  }
}

interface Parts extends Serving {
  readonly options: TrackerOptions;
  readonly log: RunningLog;
  readonly client: LogClient;
  readonly database: DatabaseClient;
  readonly counters: Counters;
  /** Path of the SQLite tables. */
  readonly tables: string;
}

class TrackerInstance implements Tracker {
  readonly clientPort: number;
  readonly clientHosts: readonly string[];
  readonly memberPort: number;
  readonly settings: InstanceSettings;
  readonly stopped: Promise<Error | undefined>;
  readonly #parts: Parts;
  readonly #reader: ContentsReader;
  readonly #listing: ListingClient;
  readonly #closed = Promise.withResolvers<undefined>();
  #closing: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.clientPort = parts.serve.port;
    this.clientHosts = parts.options.hosts;
    this.memberPort = parts.log.memberPort;
    const { cluster, name, group, memberGroup, key, expect, intervalSeconds, replaceAfterMs } = parts.options;
    this.settings = {
      cluster,
      name,
      group,
      memberGroup,
      hasKey: key !== null,
      expect,
      intervalSeconds,
      replaceAfterMs,
    };
    this.#reader = ContentsReader.open(parts.tables, (seconds) => this.#unixTimeMs(seconds));
    this.#listing = new ListingClient(parts.tables);
    const { client, database, serve } = parts;
    this.stopped = Promise.race([this.#closed.promise, client.failed, database.failed, serve.failed]);
  }

  status(): ClusterStatus {
    return this.#withOwn(this.#parts.client.status);
  }

  onStatus(listener: (status: ClusterStatus) => void): () => void {
    return this.#parts.client.on('members', (status) => listener(this.#withOwn(status)));
  }

  /** This instance itself as of now, not as of the log thread's last word. */
  #withOwn(status: ClusterStatus): ClusterStatus {
    const { serve } = this.#parts;
    const { index, hash } = serve.state;
    return {
      ...status,
      members: status.members.map((member) =>
        member.id === status.self
          ? {
              ...member,
              clientPort: serve.port,
              appliedIndex: index,
              lag: lagOf(index, status.commitIndex),
              stateHash: hash,
            }
          : member,
      ),
    };
  }

  metrics(): TrackerMetrics {
    const { counters, client, database } = this.#parts;
    const { commitIndex } = client.status;
    return {
      counters: readCounters(counters),
      swarms: counters[GAUGE_SWARMS],
      peers: counters[GAUGE_PEERS],
      seeders: counters[GAUGE_SEEDERS],
      answerLatency: readLatency(counters, LATENCY_ANSWER),
      commitLatency: readLatency(counters, LATENCY_COMMIT),
      clusterTimeMs: counters[GAUGE_CLUSTER_TIME_MS],
      commitIndex,
      tablesLag: lagOf(database.appliedIndex, commitIndex),
      logEntries: client.keptEntries,
      memberMessagesRefused: client.refusedMessages,
    };
  }

  async contents(query: Parameters<Tracker['contents']>[0]) {
    await this.#tablesUpToDate();
    const { search, sort, order, after, limit } = query;
    if (search === undefined && sort === undefined) return { ...this.#reader.contents(query), total: null };
    const found = await this.#listing.query({
      search: search ?? '',
      sort: sort ?? 'sha1',
      order: order ?? 'asc',
      after,
      limit,
    });
    // The index says which and in what order, the tables what is to be said of them now.
    return { ...this.#reader.contentsOf(found.sha1s), next: found.next, total: found.total };
  }

  async content(sha1: string, query: Parameters<Tracker['content']>[1]) {
    await this.#tablesUpToDate();
    return this.#reader.content(sha1, query);
  }

  async admission(query: Parameters<Tracker['admission']>[0]) {
    await this.#tablesUpToDate();
    return this.#reader.admission(query);
  }

  changeAdmission(change: Parameters<Tracker['changeAdmission']>[0]): Promise<void> {
    return this.#parts.serve.changeAdmission(change);
  }

  stepDown(): Promise<void> {
    return this.#parts.serve.stepDown();
  }

  removeMember(member: string): Promise<void> {
    return this.#parts.serve.removeMember(member);
  }

  answerHttp(request: Parameters<Tracker['answerHttp']>[0]) {
    return this.#parts.serve.answerHttp(request);
  }

  onConnection(listener: (connection: HandedConnection) => void): void {
    const { serve, servers } = this.#parts;
    serve.onConnection(listener);
    for (const server of servers) server.onConnection((socket) => listener({ socket }));
  }

  /** So that a reader finds what was acknowledged before it asked. */
  async #tablesUpToDate(): Promise<void> {
    const { client, database } = this.#parts;
    await database.flush(client.status.commitIndex);
  }

  #unixTimeMs(clusterSeconds: number): number {
    return Date.now() - (this.#parts.counters[GAUGE_CLUSTER_TIME_MS] - clusterSeconds * 1000);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { servers, serve, database, client, log } = this.#parts;
    // First of all, so that clients hardly notice; that nobody can take it is no reason to stay.
    if (client.status.role === 'master') await client.transferMastership().catch(() => {});
    for (const server of servers) server.close();
    await serve.close();
    await this.#listing.close();
    this.#reader.close();
    await database.close();
    await client.close();
    await log.close();
    this.#closed.resolve(undefined);
  }
}

interface TcpListener {
  readonly port: number;
  onConnection(listener: (socket: Socket) => void): void;
  /** Stops listening; connections live on. Can be called twice. */
  close(): void;
}

function listen(host: string, port: number): Promise<TcpListener> {
  return new Promise((resolve, reject) => {
    let take: ((socket: Socket) => void) | undefined;
    /** Connections that came before anybody listened for them. */
    const early: Socket[] = [];
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      if (take !== undefined) take(socket);
      else if (early.length < MAX_EARLY_CONNECTIONS) early.push(socket);
      else socket.destroy();
    });
    server.once('error', reject);
    server.listen({ host, port, ipv6Only: true }, () =>
      resolve({
        port: (server.address() as AddressInfo).port,
        onConnection: (listener) => {
          take = listener;
          for (const socket of early.splice(0)) listener(socket);
        },
        close: () => {
          server.close();
          for (const socket of early.splice(0)) socket.destroy();
        },
      }),
    );
  });
}
