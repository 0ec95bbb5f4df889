import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryTracker, otherMember } from '../../test/harness/memory-tracker.ts';
import { clusterJson } from '../api/cluster-json.ts';
import type { Cluster } from '../api/schemas.ts';
import type { MemberStatus } from '../cluster/replicated-log.ts';
import { clusterLines, clusterWarnings } from './cluster-lines.ts';

/** A master, and these. */
function clusterOf(...others: Partial<MemberStatus>[]): Cluster {
  const tracker = new MemoryTracker();
  tracker.others = others.map((told, i) => otherMember({ id: `id-${i}`, ...told }));
  return clusterJson(tracker.status());
}

test('the table has a line a member in the order of names, with what it last said', () => {
  const lines = clusterLines(
    clusterOf(
      { name: 'ten', lastKeepaliveMs: 12_345, stateHash: '0123456789abcdef', appliedIndex: 7n, lag: 3n },
      {
        name: '',
        address: '',
        clientPort: 0,
        alive: false,
        lastKeepaliveMs: Number.MAX_SAFE_INTEGER,
        voter: false,
        role: 'learner',
      },
      { name: 'four\x1b[2J', lastKeepaliveMs: 3_600_000 },
    ),
  );
  assert.deepEqual(lines, [
    'cluster test  term 1  commit index 0  master one',
    '',
    'NAME  ROLE     VOTER  ALIVE  ADDRESS               HEARD  APPLIED  LAG  STATE',
    'four  slave    yes    yes    127.0.0.1:6970   60 min ago        0    0  -',
    'id-1  learner  no     DEAD   -               never heard        0    0  -',
    'one   master   yes    yes    127.0.0.1:6969     0 ms ago        0    0  -',
    'ten   slave    yes    yes    127.0.0.1:6970     12 s ago        7    3  01234567',
  ]);
});

test('all is well, or it is said what is not', () => {
  assert.deepEqual(clusterWarnings(clusterOf({ name: 'two' }, { name: 'three' })), []);
  assert.deepEqual(clusterWarnings(clusterOf()), []);
  const [dead, ...none] = clusterWarnings(
    clusterOf({ name: 'two', alive: false, lastKeepaliveMs: 700 }, { name: 'three' }),
  );
  assert.match(dead, /^two is dead \(last heard 700 ms ago\): start it again, or start a spare instance/);
  assert.deepEqual(none, []);
});

test('replicas that differ are told, at the same index only', () => {
  const same = { stateHash: 'aaaaaaaaaaaaaaaa', appliedIndex: 5n };
  const later = { stateHash: 'cccccccccccccccc', appliedIndex: 6n };
  assert.deepEqual(clusterWarnings(clusterOf(same, same, later)), []);
  const [warning, ...none] = clusterWarnings(
    clusterOf({ name: 'two', ...same }, { name: 'three', ...same, stateHash: 'bbbbbbbbbbbbbbbb' }, later),
  );
  assert.match(warning, /^the replicas differ at index 5: two aaaaaaaa, three bbbbbbbb; stop the one that differs/);
  assert.deepEqual(none, []);
});

test('without a master it is said whether one can be elected', () => {
  const electing = { ...clusterOf({}, {}), master: null };
  assert.deepEqual(clusterWarnings(electing), ['there is no master now: an election is under way']);
  const lost = { ...clusterOf({ alive: false }, { alive: false }), master: null };
  assert.match(
    clusterWarnings(lost)[0],
    /^there is no master, and 1 of 3 voters cannot elect one: start the dead ones again$/,
  );
});

test('of two instances the second cannot vote, and it is said why', () => {
  const [warning] = clusterWarnings(clusterOf({ voter: false, role: 'learner' }));
  assert.match(warning, /^two instances cannot replace a dead master safely: start a third/);
});
