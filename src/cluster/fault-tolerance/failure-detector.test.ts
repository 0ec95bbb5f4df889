import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FailureDetector, MAX_WATCHED, type Verdict } from './failure-detector.ts';
import { MOST_PATIENCE_MS } from './rhythm.ts';

const TICK = 25;
const member = { member: 'b', boot: 1, nonce: 1 };

/** Plays arrivals and ticks in order of time; what is due while the loop stands still happens at its end. */
function play(options: {
  readonly arrivals: readonly number[];
  readonly untilMs: number;
  readonly stalls?: readonly { readonly at: number; readonly forMs: number }[];
}): { at: number; verdict: Verdict }[] {
  const detector = new FailureDetector({ now: 0, tickMs: TICK });
  const seen: { at: number; verdict: Verdict }[] = [];
  const note = (at: number, verdicts: readonly Verdict[]) => {
    for (const verdict of verdicts) seen.push({ at, verdict });
  };
  note(0, detector.connected(member, 0));
  const listeningAt = (at: number) => {
    for (const stall of options.stalls ?? [])
      if (at > stall.at && at < stall.at + stall.forMs) return stall.at + stall.forMs;
    return at;
  };
  const inputs: { at: number; tick: boolean }[] = options.arrivals.map((at) => ({ at: listeningAt(at), tick: false }));
  for (let at = TICK; at <= options.untilMs; at += TICK) inputs.push({ at: listeningAt(at), tick: true });
  // A late timer runs before what waits in the sockets.
  inputs.sort((a, b) => a.at - b.at || Number(b.tick) - Number(a.tick));
  let tickedAt = -1;
  for (const { at, tick } of inputs) {
    if (!tick) note(at, detector.heard(member, at));
    else if (at > tickedAt) {
      note(at, detector.tick(at));
      tickedAt = at;
    }
  }
  return seen;
}

const suspicions = (seen: readonly { verdict: Verdict }[]) =>
  seen.filter(({ verdict }) => verdict.state !== 'alive').map(({ verdict }) => verdict.because);

/** Arrivals of keepalives over a network that loses and delays, from a seed. */
function lossy(seed: number, beats: number, loss: number, jitterMs: number): number[] {
  const random = generator(seed);
  const arrivals: number[] = [];
  for (let beat = 1; beat <= beats; beat++) {
    const delayMs = random() * jitterMs;
    if (random() >= loss) arrivals.push(beat * 100 + delayMs);
  }
  return arrivals.sort((a, b) => a - b);
}

/** mulberry32 */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('a failure detector', () => {
  it('suspects a member that falls silent on a sound network within 250 to 350 ms', () => {
    for (let seed = 0; seed < 200; seed++) {
      const arrivals = lossy(seed, 300, 0, 5);
      const seen = play({ arrivals, untilMs: 32_000 });
      assert.deepEqual(suspicions(seen), ['silent']);
      const silentMs = seen[1].at - (arrivals.at(-1) as number);
      assert.ok(silentMs >= 250 && silentMs <= 350, `seed ${seed}: ${silentMs} ms`);
    }
  });

  it('raises no false alarm in five hours of 10 % loss and 50 ms of jitter', () => {
    for (let seed = 0; seed < 10; seed++) {
      const seen = play({ arrivals: lossy(seed, 18_000, 0.1, 50), untilMs: 1_800_000 });
      assert.deepEqual(suspicions(seen), [], `seed ${seed}`);
    }
  });

  it('seldom is fooled when a sound network begins to lose 10 %', (t) => {
    let fooled = 0;
    const seeds = 300;
    for (let seed = 0; seed < seeds; seed++) {
      const sound = lossy(seed, 600, 0, 5);
      const bad = lossy(seed + 1_000, 600, 0.1, 50).map((at) => at + 60_000);
      if (suspicions(play({ arrivals: [...sound, ...bad], untilMs: 120_000 })).length > 0) fooled++;
    }
    t.diagnostic(`${fooled} of ${seeds} members suspected wrongly in the first minute of loss`);
    assert.ok(fooled <= seeds * 0.03, `${fooled} of ${seeds}`);
  });

  it('still notices a stopped member at 10 % loss, within a second', () => {
    for (let seed = 0; seed < 50; seed++) {
      const arrivals = lossy(seed, 600, 0.1, 50);
      const seen = play({ arrivals, untilMs: 65_000 });
      assert.deepEqual(suspicions(seen), ['silent'], `seed ${seed}`);
      assert.ok(seen[1].at - (arrivals.at(-1) as number) <= MOST_PATIENCE_MS + TICK);
    }
  });

  it('becomes strict again when the network is sound again', () => {
    const bad = lossy(1, 600, 0.1, 50);
    const sound = lossy(2, 1_200, 0, 5).map((at) => at + 60_000);
    const arrivals = [...bad, ...sound];
    const seen = play({ arrivals, untilMs: 182_000 });
    assert.ok(seen[1].at - (arrivals.at(-1) as number) < 450, `${seen[1].at - (arrivals.at(-1) as number)} ms`);
  });

  it('accuses nobody after it has itself stood still, for however long', () => {
    fc.assert(
      fc.property(fc.integer({ min: 30, max: 60_000 }), fc.integer({ min: 0, max: 200 }), (forMs, phase) => {
        const at = 20_000 + phase;
        const untilMs = at + forMs + 5_000;
        const arrivals = lossy(forMs, Math.floor(untilMs / 100), 0, 5);
        assert.deepEqual(suspicions(play({ arrivals, untilMs, stalls: [{ at, forMs }] })), []);
      }),
      { numRuns: 200 },
    );
  });

  it('suspects a member that died while it stood still as soon as it has listened for long enough', () => {
    const arrivals = lossy(1, 200, 0, 5);
    const seen = play({ arrivals, untilMs: 30_000, stalls: [{ at: 20_050, forMs: 5_000 }] });
    assert.deepEqual(suspicions(seen), ['silent']);
    assert.ok(seen[1].at > 25_050 + 200 && seen[1].at < 25_050 + 400, `at ${seen[1].at}`);
  });

  it('takes back a suspicion when the member is heard again', () => {
    const detector = new FailureDetector({ now: 0, tickMs: TICK });
    detector.connected(member, 0);
    let now = 0;
    do now += TICK;
    while (detector.tick(now).length === 0 && now < 2_000);
    assert.ok(now < 2_000, 'the silence was never noticed');
    const [verdict] = detector.heard(member, now + 1);
    assert.equal(verdict.state, 'alive');
    assert.equal(verdict.because, 'heard');
    assert.deepEqual(detector.heard(member, now + 100), []);
  });

  it('counts any sign of life against silence', () => {
    const detector = new FailureDetector({ now: 0, tickMs: TICK });
    detector.connected(member, 0);
    for (let now = TICK; now < 10_000; now += TICK) {
      assert.deepEqual(detector.tick(now), []);
      assert.deepEqual(detector.signed(member, now), []);
    }
  });

  it('suspects at once when the system of a member closes its connection, and knows it dead by proof only', () => {
    const detector = new FailureDetector({ now: 0, tickMs: TICK });
    detector.connected(member, 0);
    const closed = detector.disconnected(member, true, 10);
    assert.deepEqual(closed, [{ member, state: 'suspected', because: 'closed', silentMs: 10 }]);
    // A late datagram of the dead proves nothing.
    assert.deepEqual(detector.heard(member, 11), []);
    assert.equal(detector.died(member, 12)[0].state, 'dead');
    assert.deepEqual(detector.signed(member, 13), []);
    assert.equal(detector.view(20)[0].state, 'dead');
    const again = detector.connected(member, 30);
    assert.deepEqual(again, [{ member, state: 'alive', because: 'connected', silentMs: 0 }]);
  });

  it('tells a cut connection from a closed one', () => {
    const detector = new FailureDetector({ now: 0, tickMs: TICK });
    detector.connected(member, 0);
    assert.equal(detector.disconnected(member, false, 10)[0].because, 'cut');
  });

  it('keeps runs of one member apart', () => {
    const detector = new FailureDetector({ now: 0, tickMs: TICK });
    const next = { ...member, boot: 2, nonce: 2 };
    detector.connected(member, 0);
    detector.died(member, 10);
    detector.connected(next, 20);
    const states = detector.view(20).map(({ member: { boot }, state }) => `${boot} ${state}`);
    assert.deepEqual(states, ['1 dead', '2 alive']);
  });

  it('says nothing twice, watches a bounded number and forgets those long gone, whatever happens', () => {
    const input = fc.record({
      what: fc.constantFrom('connected', 'heard', 'signed', 'disconnected', 'died', 'tick'),
      who: fc.integer({ min: 0, max: 100 }),
      afterMs: fc.integer({ min: 0, max: 500 }),
    });
    fc.assert(
      fc.property(fc.array(input, { maxLength: 300 }), (inputs) => {
        const detector = new FailureDetector({ now: 0, tickMs: TICK });
        const states = new Map<string, string>();
        let now = 0;
        for (const { what, who, afterMs } of inputs) {
          now += afterMs;
          const one = { member: `${who}`, boot: 1, nonce: 1 };
          const verdicts =
            what === 'tick'
              ? detector.tick(now)
              : what === 'disconnected'
                ? detector.disconnected(one, who % 2 === 0, now)
                : detector[what as 'heard'](one, now);
          for (const { member, state, because, silentMs } of verdicts) {
            // A member forgotten in between begins anew.
            if (because !== 'connected') assert.notEqual(states.get(member.member), state);
            if (state === 'dead') assert.equal(what, 'died');
            assert.ok(silentMs >= 0);
            states.set(member.member, state);
          }
          assert.ok(detector.size <= MAX_WATCHED + 1);
          for (const life of detector.view(now)) assert.ok(life.silentMs >= 0 && life.patienceMs <= MOST_PATIENCE_MS);
        }
        const connected = new Set(states.keys());
        for (const who of connected) detector.died({ member: who, boot: 1, nonce: 1 }, now);
        for (let passed = 0; passed <= 61_000; passed += TICK) detector.tick(now + passed);
        assert.equal(detector.size, 0);
      }),
    );
  });
});
