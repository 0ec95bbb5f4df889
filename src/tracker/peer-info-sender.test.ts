import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryLog } from '../../test/harness/memory-log.ts';
import { EVENT_STARTED, EVENT_STOPPED } from '../bittorrent/bep15.ts';
import { Announce } from './announce.ts';
import { ClusterClock } from './cluster-clock.ts';
import { newCounters } from './counters.ts';
import { LogGroups } from './log-group.ts';
import { ANSWER, PeerInfoSender, WAIT } from './peer-info-sender.ts';
import { TrackerState } from './tracker-state.ts';

function announceOf(event: number): Announce {
  const announce = new Announce();
  announce.infoHash.fill(7);
  announce.address.set([127, 0, 0, 1, 0x1a, 0xe1]);
  announce.event = event;
  announce.left = 5;
  return announce;
}

test('a peer that stops before its start has come through the log is gone afterwards', async () => {
  const log = new MemoryLog('a');
  log.setMaster('a');
  const state = new TrackerState(new ClusterClock());
  const groups = new LogGroups(log, state.clock);
  const counters = newCounters();
  const sender = new PeerInfoSender({ state, groups, counters, intervalSeconds: 1_800, tablesAreBehind: () => false });
  assert.equal(sender.receive(announceOf(EVENT_STOPPED), 1), ANSWER, 'nobody knows it, and nothing is on its way');
  assert.equal(sender.receive(announceOf(EVENT_STARTED), 1), WAIT);
  groups.send();
  assert.equal(sender.receive(announceOf(EVENT_STOPPED), 1), WAIT);
  const settled = new Promise((resolve) => groups.whenSettled(resolve));
  groups.send();
  await settled;
  for (const [index, batch] of log.proposed.entries()) state.apply(BigInt(index + 1), batch);
  assert.equal(state.table.peers, 0);
});
