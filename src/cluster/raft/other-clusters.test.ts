import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FOREIGN_REPORT_MS } from '../transport/member-transport.ts';
import { newClusterId } from './cluster-uuid.ts';
import { OtherClusters } from './other-clusters.ts';

test('only a cluster that was founded earlier counts, and only while it is there', () => {
  let now = 0;
  const others = new OtherClusters(() => now);
  const [first, own, last] = [1, 2, 3].map((time) => newClusterId(time));
  others.met(last, '10.0.0.3');
  assert.equal(others.earlierThan(own), undefined);
  others.met(first, '10.0.0.1');
  assert.equal(others.earlierThan(own), '10.0.0.1');
  assert.equal(others.earlierThan(first), undefined);
  now += FOREIGN_REPORT_MS;
  assert.equal(others.earlierThan(own), '10.0.0.1');
  others.met(first, '10.0.0.1');
  now += FOREIGN_REPORT_MS;
  assert.equal(others.earlierThan(own), '10.0.0.1');
  now += FOREIGN_REPORT_MS;
  assert.equal(others.earlierThan(own), undefined);
});
