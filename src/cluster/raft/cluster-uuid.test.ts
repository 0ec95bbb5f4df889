import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEarlier, newClusterId } from './cluster-uuid.ts';

test('of two clusters the one founded first is the earlier, and ids of one moment still differ', () => {
  const first = newClusterId(Date.UTC(2026, 10, 22));
  const second = newClusterId(Date.UTC(2026, 10, 22) + 1);
  assert.match(first, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.ok(isEarlier(first, second));
  assert.ok(!isEarlier(second, first));
  assert.ok(!isEarlier(first, first));
  assert.equal(new Set(Array.from({ length: 1_000 }, () => newClusterId(7))).size, 1_000);
});
