import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryTracker } from '../../test/harness/memory-tracker.ts';
import { latencyBucket } from '../tracker/latency.ts';
import { MAX_SAMPLES, SampleSchema } from './event-schemas.ts';
import { Samples } from './samples.ts';

/** A tracker, and time that passes when it is told to. */
function stage() {
  const tracker = new MemoryTracker();
  const time = { ms: 0, cpu: 0 };
  const samples = new Samples(tracker, {
    now: () => 1_000_000 + time.ms,
    monotonic: () => time.ms,
    cpuMicroseconds: () => time.cpu,
    rssBytes: () => 123,
  });
  return { tracker, time, samples };
}

test('rates are what was counted in between, a second', () => {
  const { tracker, time, samples } = stage();
  tracker.counters.udpAnnounces = 300;
  tracker.counters.httpAnnounces = 100;
  tracker.counters.udpConnects = 50;
  tracker.counters.announcesLogged = 20;
  tracker.counters.udpForwarded = 4;
  tracker.counters.announcesDropped = 2;
  time.ms = 2_000;
  time.cpu = 500_000;
  const sample = SampleSchema.parse(samples.take());
  const { at, announces, replies, arrivals, http, forwarded, dropped, cpu, rssBytes } = sample;
  assert.deepEqual(
    { at, announces, replies, arrivals, http, forwarded, dropped, cpu, rssBytes },
    {
      at: 1_002_000,
      announces: 200,
      replies: 225,
      arrivals: 10,
      http: 50,
      forwarded: 2,
      dropped: 1,
      cpu: 0.25,
      rssBytes: 123,
    },
  );
  time.ms = 3_000;
  assert.equal(samples.take().announces, 0);
});

test('latencies are those of the time in between, null where there were none', () => {
  const { tracker, time, samples } = stage();
  tracker.answerLatency[latencyBucket(1)] += 98;
  tracker.answerLatency[latencyBucket(40)] += 2;
  time.ms = 1_000;
  const { p50Ms, p99Ms, commitP50Ms } = samples.take();
  assert.ok(p50Ms !== null && p50Ms > 0.8 && p50Ms < 1.25, String(p50Ms));
  assert.ok(p99Ms !== null && p99Ms > 32 && p99Ms < 50, String(p99Ms));
  assert.equal(commitP50Ms, null);
  time.ms = 2_000;
  assert.equal(samples.take().p50Ms, null);
});

test('the last five minutes are kept', () => {
  const { time, samples } = stage();
  for (let n = 1; n <= MAX_SAMPLES + 10; n++) {
    time.ms = n * 1_000;
    samples.take();
  }
  assert.equal(samples.all.length, MAX_SAMPLES);
  assert.equal(samples.all[0].at, 1_011_000);
});
