import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BURST_MS, LEAST_BURST_BYTES, RateLimiter } from './rate-limiter.ts';
import { SPEED_WINDOW_MS, SpeedMeter } from './speed-meter.ts';

describe('The rate limiter', () => {
  it('lets no more through over any time than its rate, one burst and one block', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e7 }),
        fc.array(fc.tuple(fc.nat(500), fc.integer({ min: 1, max: 100_000 }))),
        (rate, steps) => {
          const limiter = new RateLimiter(rate, 0);
          const burst = Math.max(LEAST_BURST_BYTES, (rate * BURST_MS) / 1000);
          let now = 0;
          let gone = 0;
          for (const [passed, bytes] of steps) {
            now += passed;
            if (!limiter.mayTake(now)) continue;
            limiter.take(now, bytes);
            gone += bytes;
            assert.ok(gone <= (rate * now) / 1000 + burst + bytes + 1);
          }
        },
      ),
    );
  });

  it('lets its rate through to who asks when it says', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1000, max: 1e7 }), fc.integer({ min: 1, max: 16_384 }), (rate, block) => {
        const limiter = new RateLimiter(rate, 0);
        let now = 0;
        let gone = 0;
        while (now < 60_000) {
          const wait = limiter.waitMs(now);
          if (wait === 0) {
            limiter.take(now, block);
            gone += block;
            if (gone > rate * 10) break;
          }
          now += wait;
        }
        assert.ok(gone >= (rate * now) / 1000 - block);
      }),
      { numRuns: 30 },
    );
  });

  it('knows no limit, and nothing at all', () => {
    const free = new RateLimiter(Number.POSITIVE_INFINITY, 0);
    for (let i = 0; i < 100; i++) free.take(0, 1e9);
    assert.equal(free.waitMs(0), 0);
    const shut = new RateLimiter(0, 0);
    assert.equal(shut.waitMs(1e9), Number.POSITIVE_INFINITY);
    shut.setRate(1000, 1e9);
    assert.ok(shut.waitMs(1e9 + 100) === 0);
    free.setRate(1000, 0);
    free.take(0, 1e6);
    assert.ok(free.waitMs(0) > 900_000);
  });

  it('is not moved by a clock that goes back', () => {
    const limiter = new RateLimiter(1000, 1000);
    limiter.take(1000, 100_000);
    assert.equal(limiter.mayTake(0), false);
    assert.ok(limiter.waitMs(1000) >= 83_000);
  });
});

describe('The speed meter', () => {
  it('tells the speed of steady traffic', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 1e6 }),
        fc.nat(1e6),
        (everyMs, bytes, start) => {
          const meter = new SpeedMeter(start);
          let now = start;
          for (; now < start + 3 * SPEED_WINDOW_MS; now += everyMs) meter.add(now, bytes);
          const real = (bytes * 1000) / everyMs;
          const told = meter.bytesPerSecond(now);
          assert.ok(told > real * 0.85 - 1 && told < real * 1.15 + 1, `${told} for ${real}`);
        },
      ),
    );
  });

  it('forgets what is long past, and counts all of it', () => {
    const meter = new SpeedMeter(0);
    meter.add(0, 1000);
    assert.ok(meter.bytesPerSecond(100) > 0);
    assert.equal(meter.bytesPerSecond(SPEED_WINDOW_MS + 300), 0);
    meter.add(1e9, 5000);
    assert.equal(meter.bytesPerSecond(1e9), 1000);
    assert.equal(meter.total, 6000);
  });
});
