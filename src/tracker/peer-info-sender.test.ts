import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryLog } from '../../test/harness/memory-log.ts';
import { EVENT_COMPLETED, EVENT_NONE, EVENT_STARTED, EVENT_STOPPED } from '../bittorrent/bep15.ts';
import { Announce } from './announce.ts';
import { ClusterClock } from './cluster-clock.ts';
import { newCounters } from './counters.ts';
import { LogGroups } from './log-group.ts';
import { ANSWER, PeerInfoSender, WAIT } from './peer-info-sender.ts';
import { TrackerState } from './tracker-state.ts';

const EVENTS = { none: EVENT_NONE, completed: EVENT_COMPLETED, started: EVENT_STARTED, stopped: EVENT_STOPPED };
const MANY = 1_000;

interface Wishes {
  readonly event?: keyof typeof EVENTS;
  readonly left?: number;
  readonly family?: 4 | 6;
  readonly numWant?: number;
}

/** An announce of the peer at this port; it lacks something unless it says otherwise. */
function announceOf(port: number, { event = 'none', left = 5, family = 4, numWant = -1 }: Wishes = {}): Announce {
  const announce = new Announce();
  announce.infoHash.fill(7);
  announce.family = family;
  const [ip, words] = family === 4 ? [[127, 0, 0, 1], 2] : [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 8];
  announce.address.set(ip);
  announce.addressWords[words] = port;
  announce.event = EVENTS[event];
  announce.left = left;
  announce.numWant = numWant;
  return announce;
}

/** A sender on the log of one instance, and the swarm that it makes. */
class Swarm {
  readonly state = new TrackerState(new ClusterClock());
  readonly groups: LogGroups;
  readonly sender: PeerInfoSender;

  constructor() {
    const log = new MemoryLog('a');
    log.setMaster('a');
    log.decide = async () => this.state.apply(BigInt(log.proposed.length), log.proposed[log.proposed.length - 1]);
    this.groups = new LogGroups(log, this.state.clock);
    const { state, groups } = this;
    this.sender = new PeerInfoSender({
      state,
      groups,
      counters: newCounters(),
      intervalSeconds: 1_800,
      tablesAreBehind: () => false,
    });
  }

  /** Has what was received decided and applied. */
  async settle(): Promise<void> {
    const settled = new Promise((resolve) => this.groups.whenSettled(resolve));
    this.groups.send();
    await settled;
  }

  /** Peers at these ports are there from now on. */
  async enter(ports: readonly number[], wishes?: Wishes): Promise<void> {
    for (const port of ports) this.sender.receive(announceOf(port, wishes), 1);
    await this.settle();
  }

  /** Ports of the peers that an announce is answered with. */
  async given(port: number, wishes: Wishes): Promise<number[]> {
    const announce = announceOf(port, wishes);
    if (this.sender.receive(announce, 1) === WAIT) {
      await this.settle();
      this.sender.locate(announce);
    }
    const stride = announce.family === 4 ? 3 : 9;
    const out = new Uint16Array(MANY * stride);
    const count = this.sender.copyPeers(announce, out, 0, MANY);
    return Array.from({ length: count }, (_, i) => out[(i + 1) * stride - 1]).sort((a, b) => a - b);
  }
}

test('a peer that stops before its start has come through the log is gone afterwards', async () => {
  const swarm = new Swarm();
  const received = (event: 'started' | 'stopped') => swarm.sender.receive(announceOf(1, { event }), 1);
  assert.equal(received('stopped'), ANSWER, 'nobody knows it, and nothing is on its way');
  assert.equal(received('started'), WAIT);
  swarm.groups.send();
  assert.equal(received('stopped'), WAIT);
  await swarm.settle();
  assert.equal(swarm.state.table.peers, 0);
});

describe('a peer that starts with nothing left', () => {
  const started = { event: 'started', left: 0 } as const;
  for (const family of [4, 6] as const) {
    const [leecher, seeder] = [
      { family, left: 5 },
      { family, left: 0 },
    ];

    test(`is given the seeders, but not itself, where there is no leecher, over IPv${family}`, async () => {
      const swarm = new Swarm();
      assert.deepEqual(await swarm.given(9, { ...started, family }), []);
      await swarm.enter([1, 2, 3], seeder);
      assert.deepEqual(await swarm.given(9, { ...started, family }), [1, 2, 3]);
      assert.deepEqual(await swarm.given(9, { ...started, family }), [1, 2, 3], 'and when it says so again');
      assert.deepEqual(await swarm.given(2, { ...started, family }), [1, 3, 9]);
    });

    test(`is given leechers only where there is one, over IPv${family}`, async () => {
      const swarm = new Swarm();
      await swarm.enter([1, 2, 3], seeder);
      await swarm.enter([11], leecher);
      assert.deepEqual(await swarm.given(9, { ...started, family }), [11]);
      await swarm.enter([11], { ...leecher, event: 'stopped' });
      assert.deepEqual(await swarm.given(9, { ...started, family }), [1, 2, 3]);
    });
  }

  test('is given the seeders where the only leecher was itself', async () => {
    const swarm = new Swarm();
    await swarm.enter([1], { left: 0 });
    await swarm.enter([9], { left: 5 });
    assert.deepEqual(await swarm.given(9, started), [1]);
  });

  test('is given the seeders where all leechers are of the other family', async () => {
    const swarm = new Swarm();
    await swarm.enter([1, 2], { left: 0 });
    await swarm.enter([61], { family: 6 });
    assert.deepEqual(await swarm.given(9, started), [1, 2]);
  });

  test('is given as many seeders as it wants, or fifty', async () => {
    const swarm = new Swarm();
    const ports = Array.from({ length: 100 }, (_, i) => i + 1);
    await swarm.enter(ports, { left: 0 });
    for (const [numWant, expected] of [
      [0, 0],
      [1, 1],
      [30, 30],
      [-1, 50],
      [MANY, 99],
    ]) {
      const given = await swarm.given(7, { ...started, numWant });
      assert.equal(given.length, expected, `numwant ${numWant}`);
      assert.equal(new Set(given).size, expected, 'no peer twice');
      assert.ok(!given.includes(7));
    }
  });

  test('is given no seeders when it announces again, completes or stops', async () => {
    const swarm = new Swarm();
    await swarm.enter([1, 2, 3], { left: 0 });
    assert.deepEqual(await swarm.given(9, started), [1, 2, 3]);
    for (const event of ['none', 'completed', 'stopped'] as const) {
      assert.deepEqual(await swarm.given(9, { event, left: 0 }), [], event);
    }
  });
});
