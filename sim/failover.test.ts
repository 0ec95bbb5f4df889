import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Core } from '../src/cluster/consensus/core.ts';
import { emptyDisk } from '../src/cluster/consensus/effects.ts';
import type { Event } from '../src/cluster/consensus/events.ts';
import { membershipOf } from '../src/cluster/consensus/membership.ts';
import { Random } from './random.ts';
import { Timeline } from './timeline.ts';

const SEEDS = 200;
const DISK_MS = 5;
const NETWORK_MS = 0.15;

type End = 'killed, and its connections close' | 'silent' | 'handing over';

/**
 * Virtual milliseconds from the end of a master under load to the moment when another one may answer; three members.
 * @param slowDiskMs how long every write takes from then on, where disks become slow
 */
function gap(seed: number, end: End, slowDiskMs?: number): number {
  const random = new Random(seed);
  const timeline = new Timeline();
  const ids = ['a', 'b', 'c'];
  const cores = new Map<string, Core>();
  let gone: string | null = null;
  const take = (id: string, event: Event) => {
    if (id === gone) return;
    for (const effect of cores.get(id)?.step(event, timeline.now) ?? []) {
      if (effect.type === 'send') {
        const { message } = effect;
        timeline.after(random.exponential(NETWORK_MS), () => take(message.to, { type: 'message', message }));
      } else if (effect.type === 'persist') {
        const diskMs = gone !== null && slowDiskMs !== undefined ? slowDiskMs : random.exponential(DISK_MS);
        timeline.after(diskMs, () => take(id, { type: 'persisted', seq: effect.seq }));
      }
    }
  };
  const every = (minMs: number, maxMs: number, run: () => void) => {
    timeline.after(random.between(minMs, maxMs), () => {
      run();
      every(minMs, maxMs, run);
    });
  };
  for (const member of ids) {
    const stored = emptyDisk(membershipOf(ids));
    const self = { member, boot: 1, nonce: 1 };
    cores.set(member, new Core({ cluster: 'x', self, stored, now: 0, random: random.next }));
    every(5, 10, () => take(member, { type: 'tick' }));
  }
  const master = () => ids.find((id) => id !== gone && cores.get(id)?.role === 'master');
  let requestId = 0;
  every(2, 2, () => {
    const to = master();
    requestId++;
    if (to !== undefined) take(to, { type: 'proposed', requests: [{ requestId, data: new Uint8Array(100) }] });
  });
  timeline.runUntil(1_500 + random.between(0, 100));
  const old = master();
  assert.ok(old !== undefined);
  const endedAt = timeline.now;
  if (end === 'handing over') take(old, { type: 'transfer', to: null });
  else gone = old;
  if (end.startsWith('killed')) {
    for (const id of ids)
      timeline.after(random.between(0.2, 1.5), () => take(id, { type: 'died', member: old, boot: 1 }));
  }
  const answers = () => ids.some((id) => id !== old && cores.get(id)?.mayAnswer(timeline.now));
  while (!answers() && timeline.now < endedAt + 20_000) timeline.runUntil(timeline.now + 0.25);
  return timeline.now - endedAt;
}

/** @param most median and greatest gap, virtual ms. */
function within(end: End, most: { median: number; worst: number }): void {
  it(`${end}: the median of ${SEEDS} is within ${most.median} ms, the worst within ${most.worst} ms`, () => {
    const gaps = Array.from({ length: SEEDS }, (_, i) => gap(i + 1, end)).sort((a, b) => a - b);
    assert.ok(gaps[SEEDS / 2] <= most.median, `median ${gaps[SEEDS / 2]}`);
    assert.ok(gaps[SEEDS - 1] <= most.worst, `worst ${gaps[SEEDS - 1]}`);
  });
}

describe(`the gap without a master, in virtual time, disks of ${DISK_MS} ms`, () => {
  within('killed, and its connections close', { median: 40, worst: 150 });
  within('silent', { median: 420, worst: 1_000 });
  within('handing over', { median: 40, worst: 150 });
});

describe('a machine so busy that every write waits', () => {
  for (const diskMs of [200, 400, 700, 3_000]) {
    it(`has another master after a few writes of ${diskMs} ms: nobody campaigns while others still write their votes`, () => {
      for (const end of ['killed, and its connections close', 'silent'] as const) {
        const worst = Math.max(...Array.from({ length: 50 }, (_, i) => gap(i + 1, end, diskMs)));
        assert.ok(worst <= 4 * diskMs + 500, `${end}: ${worst}`);
      }
    });
  }
});
