import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkTiming, DEFAULT_TIMING, TimingError } from './config.ts';

describe('the timing', () => {
  it('is sound by default', () => {
    assert.equal(checkTiming(DEFAULT_TIMING), DEFAULT_TIMING);
  });

  it('is refused if a slow master could outlast the promise of a fast voter', () => {
    assert.throws(() => checkTiming({ ...DEFAULT_TIMING, leaseMs: 299 }), TimingError);
    assert.throws(() => checkTiming({ ...DEFAULT_TIMING, clockDrift: 0.2 }), TimingError);
  });

  it('is refused if a single lost heartbeat would cost the lease', () => {
    assert.throws(() => checkTiming({ ...DEFAULT_TIMING, heartbeatMs: 150 }), TimingError);
  });
});
