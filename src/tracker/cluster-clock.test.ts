import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterClock } from './cluster-clock.ts';

test('cluster time starts at zero and follows the monotonic clock', () => {
  let monotonic = 5_000;
  const clock = new ClusterClock(() => monotonic);
  assert.equal(clock.now(), 0);
  monotonic += 250.7;
  assert.equal(clock.now(), 250);
});

test('cluster time goes on from the time of an applied batch, and never back', () => {
  let monotonic = 0;
  const clock = new ClusterClock(() => monotonic);
  clock.advanceTo(90_000);
  assert.equal(clock.now(), 90_000);
  monotonic += 10;
  clock.advanceTo(50_000);
  assert.equal(clock.now(), 90_010);
  monotonic -= 5;
  assert.equal(clock.now(), 90_010);
});

test('cluster time is what the first batch says, however long the instance has waited for its cluster', () => {
  let monotonic = 0;
  const clock = new ClusterClock(() => monotonic);
  monotonic = 3_600_000;
  assert.equal(clock.now(), 3_600_000);
  clock.advanceTo(5_000);
  monotonic += 10;
  assert.equal(clock.now(), 5_010);
  clock.advanceTo(4_000);
  assert.equal(clock.now(), 5_010);
});

test('cluster time starts over with another state, whose time may be earlier', () => {
  let monotonic = 1_000;
  const clock = new ClusterClock(() => monotonic);
  monotonic += 3_600_000;
  assert.equal(clock.now(), 3_600_000);
  clock.reset();
  assert.equal(clock.now(), 0);
  clock.advanceTo(60_000);
  monotonic += 5;
  assert.equal(clock.now(), 60_005);
});
