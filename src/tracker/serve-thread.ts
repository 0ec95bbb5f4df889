import { randomBytes } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { discardBatch, LogClient } from '../cluster/log-client.ts';
import { hasBatchedCalls } from '../net/platform.ts';
import { changeAdmission } from './admission-change.ts';
import { type ClientSockets, openClientSockets } from './client-sockets.ts';
import { ClusterClock } from './cluster-clock.ts';
import { COUNTER, GAUGE_CLUSTER_TIME_MS, GAUGE_PEERS, GAUGE_SEEDERS, GAUGE_SWARMS } from './counters.ts';
import { EXPIRY_TURN_MS, Expiry } from './expiry.ts';
import { serveHttp } from './front-ends/http-fast-path.ts';
import { HttpFrontEnd } from './front-ends/http-front-end.ts';
import { UdpFrontEnd } from './front-ends/udp-front-end.ts';
import { loadState } from './load-state.ts';
import { LogGroups } from './log-group.ts';
import { BatchWriter, MAX_OPERATION_BYTES } from './operations.ts';
import { PeerInfoSender } from './peer-info-sender.ts';
import type { ServeOptions, ServeReply, ServeRequest } from './serve-messages.ts';
import { MAX_TABLES_LAG_ENTRIES } from './tables/database-client.ts';
import { TablesProgress } from './tables/database-messages.ts';
import { TrackerState } from './tracker-state.ts';

/**
 * The serve thread: the swarm table and everything that answers clients. It never waits for a disk; what has to be
 * durable goes through the log, on another thread.
 */
async function main(options: ServeOptions): Promise<void> {
  const { counters, intervalSeconds } = options;
  const state = new TrackerState(new ClusterClock());
  if (hasBatchedCalls) {
    const { adviseHugePages } = await import('../net/libc.ts');
    for (const array of state.table.largeArrays) adviseHugePages(array);
  }
  const log = await LogClient.connect(options.log);
  log.failed.then(fail);
  const appliedIndex = loadState(options.tables, state);

  const tables = new TablesProgress(options.progress);
  let applied = appliedIndex;
  let publishedIndex = -1n;
  await catchUp();
  if (state.connectionIds === undefined) await log.propose(secretBatch(state.clock));

  const groups = new LogGroups(log, state.clock);
  const sender = new PeerInfoSender({
    state,
    groups,
    counters,
    intervalSeconds,
    tablesAreBehind: () => applied - tables.appliedIndex > MAX_TABLES_LAG_ENTRIES,
  });
  const expiry = new Expiry(state.table, groups, counters, intervalSeconds);
  const common = { log, state, sender, groups, counters, intervalSeconds };
  const http = new HttpFrontEnd(common);

  const sockets: ClientSockets = await openClientSockets(options.hosts, options.port);
  for (const socket of sockets.udp) new UdpFrontEnd({ ...common, socket }).start();
  for (const acceptor of sockets.tcp) {
    serveHttp(acceptor, http, counters, (connection) => send({ type: 'connection', connection }));
  }

  const turns = setInterval(() => {
    if (log.mayAnswer()) expiry.turn(Math.floor(state.clock.now() / 1000));
    publish();
  }, EXPIRY_TURN_MS);

  parentPort?.on('message', (request: ServeRequest) => {
    if (request.type === 'http') answerHttp(request);
    else if (request.type === 'change-admission') void changeLists(request);
    else void stop();
  });
  publish();
  send({ type: 'listening', port: sockets.port });

  /** Applies what the log has beyond the tables. */
  function catchUp(): Promise<void> {
    const target = log.status.commitIndex;
    return new Promise((resolve) => {
      if (appliedIndex >= target) resolve();
      log.subscribe(appliedIndex, {
        apply(index, batch) {
          state.apply(index, batch);
          discardBatch(batch);
        },
        delivered(index) {
          applied = index;
          if (index >= target) resolve();
        },
      });
    });
  }

  function answerHttp({ id, path, query, ip }: Extract<ServeRequest, { type: 'http' }>): void {
    const respond = (status: number, body: Uint8Array) =>
      send({ type: 'http', id, reply: { status, body: body.slice() } });
    if (path === '/announce') http.announce(query, ip, respond);
    else http.scrape(query, respond);
  }

  async function changeLists({ id, change }: Extract<ServeRequest, { type: 'change-admission' }>): Promise<void> {
    const problem = await changeAdmission(change, state.admission, log, state.clock).then(
      () => undefined,
      (error: Error & { code?: string }) => ({ code: error.code ?? 'FAILED', message: error.message }),
    );
    send({ type: 'admission-changed', id, problem });
  }

  function publish(): void {
    counters[COUNTER.batchesProposed] = groups.proposed;
    counters[COUNTER.batchesApplied] = state.batches;
    counters[GAUGE_SWARMS] = state.table.swarms.size;
    counters[GAUGE_PEERS] = state.table.peers;
    counters[GAUGE_SEEDERS] = state.table.seeders;
    counters[GAUGE_CLUSTER_TIME_MS] = state.clock.now();
    if (applied !== publishedIndex) send({ type: 'state', index: applied, hash: state.table.stateHash });
    publishedIndex = applied;
  }

  async function stop(): Promise<void> {
    clearInterval(turns);
    sockets.close();
    await log.close();
    parentPort?.close();
  }
}

function secretBatch(clock: ClusterClock): Uint8Array {
  const writer = new BatchWriter(2 * MAX_OPERATION_BYTES);
  writer.secret(randomBytes(16));
  return writer.take(clock.now());
}

function send(reply: ServeReply): void {
  parentPort?.postMessage(reply);
}

function fail(error: Error & { code?: string }): void {
  send({ type: 'failed', code: error.code ?? 'FAILED', reason: error.message });
}

main(workerData as ServeOptions).catch(fail);
