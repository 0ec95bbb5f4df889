import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterStatus, MemberStatus } from '../cluster/replicated-log.ts';
import { ClusterHistory } from './cluster-history.ts';
import { MAX_TIMELINE, type TimelineEvent } from './event-schemas.ts';

const START = 1_000_000;

function member(id: string, told: Partial<MemberStatus> = {}): MemberStatus {
  return {
    id,
    name: id.toUpperCase(),
    address: '127.0.0.1',
    clientPort: 6969,
    role: 'slave',
    voter: true,
    alive: true,
    lastKeepaliveMs: 50,
    appliedIndex: 7n,
    lag: 0n,
    stateHash: 'aa',
    ...told,
  };
}

function status(members: readonly MemberStatus[], told: Partial<ClusterStatus> = {}): ClusterStatus {
  return {
    cluster: 'test',
    term: 1n,
    role: 'slave',
    master: 'a',
    self: 'c',
    commitIndex: 7n,
    earlierCluster: undefined,
    members,
    ...told,
  };
}

const THREE = [member('a'), member('b'), member('c')];
const kinds = (events: readonly TimelineEvent[]) => events.map(({ kind, member }) => `${kind} ${member?.id ?? '-'}`);

test('the timeline begins with the start, and says who is the master then', () => {
  const history = new ClusterHistory(status(THREE), START);
  assert.deepEqual(history.timeline, [
    {
      id: 1,
      at: START,
      kind: 'started',
      member: { id: 'c', name: 'C' },
      term: 1,
      text: 'C has started; A is the master',
    },
  ]);
  assert.equal(history.masterSince, START);
  assert.deepEqual(history.update(status(THREE), START + 1), [], 'nothing happens, nothing is told');
});

test('the death of the master, the election and the new master are told in this order', () => {
  const history = new ClusterHistory(status(THREE), START);
  const dead = [member('a', { alive: false }), member('b'), member('c')];
  assert.deepEqual(kinds(history.update(status(dead), START + 1)), ['died a']);
  const electing = status(dead, { master: undefined, term: 2n });
  assert.deepEqual(kinds(history.update(electing, START + 2)), ['election -']);
  assert.equal(history.masterSince, null);
  const elected = status(dead, { master: 'b', term: 2n });
  const [event, ...others] = history.update(elected, START + 3);
  assert.deepEqual([event.kind, event.text, event.term, others.length], ['master', 'B is the master of term 2', 2, 0]);
  assert.equal(history.masterSince, START + 3);
  assert.deepEqual(kinds(history.update(status(THREE, { master: 'b', term: 2n }), START + 4)), ['returned a']);
  assert.deepEqual(kinds(history.timeline), ['returned a', 'master b', 'election -', 'died a', 'started c']);
});

test('a handover is told where the term began with one, an election that the old master survived is none', () => {
  const history = new ClusterHistory(status(THREE), START);
  history.update(status(THREE, { master: undefined, term: 2n, byOrder: true }), START + 1);
  const byOrder = history.update(status(THREE, { master: 'b', term: 2n, byOrder: true }), START + 2);
  assert.deepEqual(kinds(byOrder), ['handed-over a', 'master b']);
  const elected = history.update(status(THREE, { master: 'a', term: 3n }), START + 3);
  assert.deepEqual(kinds(elected), ['master a']);
  const again = history.update(status(THREE, { master: 'a', term: 4n }), START + 4);
  assert.deepEqual(kinds(again), ['master a'], 'the same master in another term is news');
});

test('members join, are promoted and demoted, stop, and are taken out', () => {
  const history = new ClusterHistory(status(THREE), START);
  const steps: [members: readonly MemberStatus[], told: readonly string[]][] = [
    [[...THREE, member('d', { voter: false, role: 'learner' })], ['joined d']],
    [[...THREE, member('d')], ['promoted d']],
    [[...THREE, member('d', { voter: false })], ['demoted d']],
    [[...THREE, member('d', { voter: false, alive: false, left: true })], ['left d']],
    [THREE, ['removed d']],
  ];
  for (const [members, told] of steps) assert.deepEqual(kinds(history.update(status(members), START)), told);
  assert.equal(history.timeline[0].text, 'D was taken out of the cluster');
});

test('a lost quorum is told, and no election without one', () => {
  const history = new ClusterHistory(status(THREE), START);
  const alone = [member('a', { alive: false }), member('b', { alive: false }), member('c')];
  assert.deepEqual(kinds(history.update(status(alone), START)), ['died a', 'died b', 'no-quorum -']);
  assert.match(history.timeline[0].text, /^1 of 3 voters are heard: too few to elect a master/);
  assert.deepEqual(kinds(history.update(status(alone, { master: undefined, term: 2n }), START)), []);
  const two = [member('a', { alive: false }), member('b'), member('c')];
  assert.deepEqual(kinds(history.update(status(two, { master: undefined, term: 2n }), START)), [
    'returned b',
    'quorum -',
  ]);
});

test('an instance that has not joined yet has no voters, and loses no quorum', () => {
  const alone = status([member('c', { voter: false, role: 'learner' })], { master: undefined, term: 0n });
  const history = new ClusterHistory(alone, START);
  assert.equal(history.timeline[0].text, 'C has started; no master is known yet');
  const joined = history.update(status(THREE), START + 1);
  assert.deepEqual(kinds(joined), ['joined a', 'joined b', 'promoted c', 'master a']);
});

test('another state than the master’s at the same index is told once', () => {
  const history = new ClusterHistory(status(THREE), START);
  const diverged = [member('a'), member('b', { stateHash: 'bb' }), member('c', { stateHash: 'cc', appliedIndex: 6n })];
  assert.deepEqual(kinds(history.update(status(diverged), START)), ['diverged b']);
  assert.deepEqual(kinds(history.update(status(diverged), START)), []);
});

test('a member that is forgotten by the keepalives keeps its name, address and the time it was last heard', () => {
  const history = new ClusterHistory(status(THREE), START);
  const forgotten = member('a', {
    name: '',
    address: '',
    clientPort: 0,
    alive: false,
    lastKeepaliveMs: Number.MAX_SAFE_INTEGER,
  });
  const now = status([forgotten, member('b'), member('c')]);
  assert.deepEqual(kinds(history.update(now, START + 70_000)), ['died a']);
  assert.equal(history.timeline[0].text, 'A is not heard any more');
  const [a, b] = history.complete(now, START + 80_000).members;
  assert.deepEqual(
    [a.name, a.address, a.clientPort, a.lastKeepaliveMs],
    ['A', '127.0.0.1', 6969, 80_050],
    'counted from its last keepalive',
  );
  assert.equal(b.lastKeepaliveMs, 50);
});

test('only the newest events are kept', () => {
  const history = new ClusterHistory(status(THREE), START);
  for (let term = 2; term < MAX_TIMELINE + 50; term++)
    history.update(status(THREE, { term: BigInt(term) }), START + term);
  assert.equal(history.timeline.length, MAX_TIMELINE);
  assert.equal(history.timeline[0].text, `A is the master of term ${MAX_TIMELINE + 49}`);
  assert.deepEqual(
    history.timeline.map(({ id }) => id),
    Array.from({ length: MAX_TIMELINE }, (_, i) => history.timeline[0].id - i),
  );
});
