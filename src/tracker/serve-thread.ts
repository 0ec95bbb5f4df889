import { setTimeout as pause } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { keepCompiledCode } from '../cluster/compiled-code.ts';
import { discard } from '../cluster/discard.ts';
import { LogClient } from '../cluster/log-client.ts';
import { hasBatchedCalls } from '../net/platform.ts';
import { AppliedIndex } from './applied-index.ts';
import { openClientSockets } from './client-sockets.ts';
import { ClusterClock } from './cluster-clock.ts';
import {
  COUNTER,
  countLatency,
  GAUGE_CLUSTER_TIME_MS,
  GAUGE_PEERS,
  GAUGE_SEEDERS,
  GAUGE_SWARMS,
  LATENCY_COMMIT,
} from './counters.ts';
import { EXPIRY_TURN_MS, Expiry } from './expiry.ts';
import { ForwardedHttp } from './forwarding/forwarded-http.ts';
import { Forwarding } from './forwarding/forwarding.ts';
import { ToMaster } from './forwarding/to-master.ts';
import { GroupGate } from './front-ends/group-gate.ts';
import { groupSocket } from './front-ends/group-socket.ts';
import { serveHttp } from './front-ends/http-fast-path.ts';
import { HttpFrontEnd } from './front-ends/http-front-end.ts';
import { UdpFrontEnd } from './front-ends/udp-front-end.ts';
import { IdleMemory } from './idle-memory.ts';
import { LoadOrder } from './load-order.ts';
import { loadState, loadStateInTurns } from './load-state.ts';
import { LogGroups } from './log-group.ts';
import { MasterDuties } from './master-duties.ts';
import { PeerInfoSender } from './peer-info-sender.ts';
import { Requests } from './requests.ts';
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
  const memory = new IdleMemory(await tuneMemory(state));
  const log = await LogClient.connect(options.log);
  log.failed.then(fail);
  const groupGate = new GroupGate(log);
  const tables = new TablesProgress(options.progress);
  const order = new LoadOrder(log, options.tables);
  const applied = new AppliedIndex(await loadStateInTurns(options.tables, state, () => order.turn()));
  // The log behind the tables may take as long as they did.
  await order.turn();

  let publishedIndex = -1n;
  let publishedAt = performance.now();

  const groups = new LogGroups(log, state.clock);
  groups.onSettled((group, error) => {
    if (!error) countLatency(counters, LATENCY_COMMIT, performance.now() - groups.proposedAt(group), 1);
  });
  const sender = new PeerInfoSender({
    state,
    groups,
    counters,
    intervalSeconds,
    tablesAreBehind: () => applied.value - tables.appliedIndex > MAX_TABLES_LAG_ENTRIES,
  });
  const common = { log, state, sender, groups, counters, intervalSeconds };
  const frontEnd = new HttpFrontEnd(common);
  const toMaster = new ToMaster(log, counters);
  const http = new ForwardedHttp(log, frontEnd, toMaster);
  const requests = new Requests({ log, state, applied, frontEnd, http, toMaster });
  const forwarding = new Forwarding(log, toMaster, (request) => requests.answer(request));
  const duties = new MasterDuties(log, state, new Expiry(state.table, groups, counters, intervalSeconds));

  log.subscribe(applied.value, {
    apply(index, batch) {
      state.apply(index, batch);
      discard(batch);
    },
    restore(_index, path) {
      state.reset();
      loadState(path, state);
    },
    delivered(index) {
      applied.advance(index);
      forwarding.answerHeld();
      if (performance.now() - publishedAt > PUBLISH_MS) publishState();
    },
  });

  const sockets = await openClientSockets(options.hosts, options.port, options.group);
  for (const socket of sockets.udp) {
    toMaster.serve(socket);
    new UdpFrontEnd({ ...common, socket, elsewhere: (count) => toMaster.forward(socket, count) }).start();
  }
  // Every instance hears a request to the group; what is not for this one, the master answers.
  for (const { group, own } of sockets.groups) {
    new UdpFrontEnd({ ...common, log: groupGate, socket: groupSocket(group, own) }).start();
  }
  for (const socket of forwarding.sockets) new UdpFrontEnd({ ...common, socket }).start();
  for (const acceptor of sockets.tcp) {
    serveHttp(acceptor, http, counters, (connection) => send({ type: 'connection', connection }));
  }

  const turns = setInterval(() => {
    duties.turn();
    forwarding.answerHeld();
    memory.turn(applied.value, tables.durableIndex);
    publish();
  }, EXPIRY_TURN_MS);
  parentPort?.on('message', async (request: ServeRequest) => {
    if (request.type === 'close') await stop();
    else send({ type: 'outcome', id: request.id, outcome: await requests.ask(request.request) });
  });
  await mayServe();
  publish();
  send({ type: 'listening', port: sockets.port });

  /** Waits a while for a master, so that who is told that this instance listens finds it answering. */
  async function mayServe(): Promise<void> {
    for (const end = performance.now() + options.patienceMs; performance.now() < end; await pause(POLL_MS)) {
      duties.giveSecret();
      if (toMaster.isKnown || (log.mayAnswer() && groupGate.hasListened && state.connectionIds !== undefined)) return;
    }
  }

  function publish(): void {
    counters[COUNTER.batchesProposed] = groups.proposed;
    counters[COUNTER.batchesApplied] = state.batches;
    counters[COUNTER.udpUnsent] = sockets.udp.reduce((sum, { unsent }) => sum + unsent, 0);
    counters[GAUGE_SWARMS] = state.table.swarms.size;
    counters[GAUGE_PEERS] = state.table.peers;
    counters[GAUGE_SEEDERS] = state.table.seeders;
    counters[GAUGE_CLUSTER_TIME_MS] = state.clock.now();
    publishState();
  }

  function publishState(): void {
    if (applied.value === publishedIndex) return;
    publishedIndex = applied.value;
    publishedAt = performance.now();
    const hash = state.stateHash;
    send({ type: 'state', index: applied.value, hash });
    log.reportState(applied.value, hash);
  }

  async function stop(): Promise<void> {
    clearInterval(turns);
    sockets.close();
    await log.close();
    parentPort?.close();
  }
}

/** @returns what gives freed memory back to the system */
async function tuneMemory(state: TrackerState): Promise<() => void> {
  if (!hasBatchedCalls) return () => {};
  const { adviseHugePages, releaseFreedMemory } = await import('../net/libc.ts');
  for (const array of state.table.largeArrays) adviseHugePages(array);
  return releaseFreedMemory;
}

/** While the log moves on, others are told of it so often: who has caught up may become a voter. */
const PUBLISH_MS = 50;
/** How often an instance that starts looks for a master. */
const POLL_MS = 10;

function send(reply: ServeReply): void {
  parentPort?.postMessage(reply);
}

function fail(error: Error & { code?: string }): void {
  send({ type: 'failed', code: error.code ?? 'FAILED', reason: error.message });
}

keepCompiledCode();
main(workerData as ServeOptions).catch(fail);
