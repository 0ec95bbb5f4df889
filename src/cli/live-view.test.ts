import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryTracker } from '../../test/harness/memory-tracker.ts';
import { viewLines } from './live-view.ts';

test('the view shows the members, what there is, and the rate since the last look', () => {
  const tracker = new MemoryTracker();
  const peers = [
    { host: '192.0.2.1', port: 1, left: 0, lastSeen: 0 },
    { host: '192.0.2.2', port: 1, left: 9, lastSeen: 0 },
  ];
  tracker.add('0'.repeat(40), { peers });
  const before = tracker.metrics();
  tracker.counters.udpAnnounces += 900;
  tracker.counters.httpAnnounces += 100;
  const text = viewLines(tracker, before, tracker.metrics(), 2_000).join('\n');
  assert.match(text, /cluster test {2}term 1 {2}commit index 1 {2}master one/);
  assert.match(text, /one +master +yes +yes +127\.0\.0\.1:6969/);
  assert.match(text, /contents 1 {2}peers 2, 1 of them seeders {2}announces 1000, 500 a second/);
});
