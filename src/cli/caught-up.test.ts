import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterStatus, MemberStatus } from '../cluster/replicated-log.ts';
import { caughtUp } from './caught-up.ts';

function statusOf(master: string | undefined, applied: Readonly<Record<string, bigint>>): ClusterStatus {
  const members = Object.entries(applied).map(([id, appliedIndex]) => ({ id, appliedIndex }) as MemberStatus);
  return { cluster: 'test', term: 1n, role: 'slave', master, self: 'self', commitIndex: 0n, members };
}

test('an instance that is far behind the master has caught up when it is near', async () => {
  let asked = 0;
  const states = [0n, 5_000n, 9_900n];
  await caughtUp({ status: () => statusOf('master', { master: 10_000n, self: states[asked++] }) });
  assert.equal(asked, 3);
});

test('nobody waits for a master that is not there, the master for itself, or anybody for ever', async () => {
  await caughtUp({ status: () => statusOf(undefined, { self: 0n }) });
  await caughtUp({ status: () => statusOf('self', { self: 10_000n }) });
  await caughtUp({ status: () => statusOf('master', { master: 10_000n, self: 0n }) }, 50);
});
