import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { MemoryLog } from '../../test/harness/memory-log.ts';
import { NotMasterError } from '../cluster/replicated-log.ts';
import { ClusterClock } from './cluster-clock.ts';
import { newCounters } from './counters.ts';
import { Expiry } from './expiry.ts';
import { LogGroups } from './log-group.ts';
import { MasterDuties } from './master-duties.ts';
import { BATCH_HEADER_BYTES, BatchWriter, OP_ANNOUNCE, OP_EXPIRE, OP_SECRET } from './operations.ts';
import { TrackerState } from './tracker-state.ts';

const INTERVAL_SECONDS = 10;
const SECRET_OPERATION_BYTES = 17;

function setUp() {
  const time = { ms: 0 };
  const log = new MemoryLog('one');
  const state = new TrackerState(new ClusterClock(() => time.ms));
  const expiry = new Expiry(state.table, new LogGroups(log, state.clock), newCounters(), INTERVAL_SECONDS);
  return { time, log, state, duties: new MasterDuties(log, state, expiry) };
}

/** The log hands to the state what was proposed. */
function applyAll(log: MemoryLog, state: TrackerState): void {
  for (const [at, batch] of log.proposed.entries()) state.apply(BigInt(at + 1), batch);
}

describe('the duties of a master', () => {
  test('are none of a slave', () => {
    const { log, duties } = setUp();
    duties.giveSecret();
    duties.turn();
    log.setMaster('two');
    duties.giveSecret();
    duties.turn();
    assert.deepEqual(log.proposed, []);
  });

  test('begin with the secret that the cluster does not have yet', () => {
    const { log, state, duties } = setUp();
    log.setMaster('one');
    duties.giveSecret();
    assert.equal(log.proposed.length, 1);
    assert.equal(log.proposed[0].length, BATCH_HEADER_BYTES + SECRET_OPERATION_BYTES);
    assert.equal(log.proposed[0][BATCH_HEADER_BYTES], OP_SECRET);
    applyAll(log, state);
    assert.notEqual(state.connectionIds, undefined);
  });

  test('propose one secret at a time, and none when there is one', async () => {
    const { log, state, duties } = setUp();
    log.setMaster('one');
    for (let turn = 0; turn < 3; turn++) duties.turn();
    assert.equal(log.proposed.length, 1);
    applyAll(log, state);
    await nextTurn();
    duties.turn();
    assert.equal(log.proposed.length, 1);
  });

  test('propose another secret when the first did not get into the log', async () => {
    const { log, duties } = setUp();
    log.setMaster('one');
    log.decide = () => Promise.reject(new NotMasterError(undefined));
    duties.turn();
    await nextTurn();
    duties.turn();
    assert.equal(log.proposed.length, 2);
    assert.notDeepEqual(log.proposed[0], log.proposed[1]);
  });

  test('end with the lease', () => {
    const { log, duties } = setUp();
    log.setMaster('one');
    log.setMayAnswer(false);
    duties.turn();
    assert.deepEqual(log.proposed, []);
  });

  test('propose that a peer goes that was silent for two intervals, and not before', async () => {
    const { time, log, state, duties } = setUp();
    state.setSecret(new Uint8Array(16));
    const announce = new BatchWriter(4096);
    announce.peer(OP_ANNOUNCE, 0, new Uint8Array(20).fill(1), 0, Uint8Array.of(127, 0, 0, 1, 0, 80), 0, 1);
    state.apply(1n, announce.take(0));
    log.setMaster('one');
    const turnOften = async () => {
      // In a quarter of an interval all swarms are visited.
      for (let turn = 0; turn < INTERVAL_SECONDS; turn++) duties.turn();
      await nextTurn();
    };
    time.ms = 2 * INTERVAL_SECONDS * 1_000;
    await turnOften();
    assert.deepEqual(log.proposed, []);
    assert.equal(state.table.peers, 1);
    time.ms += 2_000;
    await turnOften();
    assert.equal(log.proposed[0]?.[BATCH_HEADER_BYTES], OP_EXPIRE);
    state.apply(2n, log.proposed[0]);
    assert.equal(state.table.peers, 0);
  });
});
