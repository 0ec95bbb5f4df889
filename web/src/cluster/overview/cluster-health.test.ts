import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cluster, Member } from '../../../../src/api/schemas.ts';
import { healthOf, LAGGING_ENTRIES } from './cluster-health.ts';

function member(id: string, told: Partial<Member> = {}): Member {
  return {
    id,
    name: id,
    address: '127.0.0.1',
    clientPort: 6969,
    role: 'slave',
    voter: true,
    alive: true,
    lastKeepaliveMs: 10,
    appliedIndex: 100,
    lag: 0,
    stateHash: 'aa',
    ...told,
  };
}

function clusterOf(members: Member[], told: Partial<Cluster> = {}): Cluster {
  return {
    cluster: 'test',
    term: 3,
    master: 'a',
    masterSince: 0,
    self: 'a',
    commitIndex: 100,
    earlierCluster: null,
    members,
    ...told,
  };
}

const kinds = (cluster: Cluster) => healthOf(cluster).findings.map(({ kind }) => kind);

test('three that agree are healthy and can spare one', () => {
  const { state, quorum, maySpare, findings } = healthOf(clusterOf([member('a'), member('b'), member('c')]));
  assert.deepEqual([state, quorum, maySpare, findings], ['healthy', 2, 1, []]);
});

test('a dead member is told, and none can be spared any more', () => {
  const health = healthOf(clusterOf([member('a'), member('b', { alive: false }), member('c')]));
  assert.deepEqual([health.state, health.maySpare], ['degraded', 0]);
  assert.deepEqual(
    health.findings.map(({ kind }) => kind),
    ['dead'],
  );
});

test('without a majority there is no quorum, whatever else is wrong', () => {
  const dead = { alive: false };
  const health = healthOf(clusterOf([member('a'), member('b', dead), member('c', dead)], { master: null }));
  assert.equal(health.state, 'no-quorum');
  assert.deepEqual(
    health.findings.map(({ kind }) => kind),
    ['no-quorum', 'dead'],
  );
});

test('a majority without a master elects', () => {
  const cluster = clusterOf([member('a', { alive: false }), member('b'), member('c')], { master: null });
  assert.equal(healthOf(cluster).state, 'electing');
  assert.deepEqual(kinds(cluster), ['election', 'dead']);
});

test('a voter far behind lags; a learner that catches up does not', () => {
  const behind = { lag: LAGGING_ENTRIES + 1, appliedIndex: 3, stateHash: 'bb' };
  assert.deepEqual(kinds(clusterOf([member('a'), member('b', behind)])), ['lagging']);
  assert.deepEqual(kinds(clusterOf([member('a'), member('b', { ...behind, voter: false, role: 'learner' })])), []);
  assert.deepEqual(kinds(clusterOf([member('a'), member('b', { ...behind, lag: LAGGING_ENTRIES })])), []);
});

test('another state at the same index is a divergence, at another index it means nothing', () => {
  assert.deepEqual(kinds(clusterOf([member('a'), member('b', { stateHash: 'bb' })])), ['diverged']);
  assert.deepEqual(kinds(clusterOf([member('a'), member('b', { stateHash: 'bb', appliedIndex: 99 })])), []);
  assert.deepEqual(kinds(clusterOf([member('a'), member('b', { stateHash: '' })])), []);
});

test('an earlier cluster of the same name is told', () => {
  assert.deepEqual(kinds(clusterOf([member('a')], { earlierCluster: '192.0.2.7:6969' })), ['earlier-cluster']);
});
