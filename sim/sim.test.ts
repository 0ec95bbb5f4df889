import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Genesis, NO_GENESIS } from '../src/cluster/consensus/genesis.ts';
import { BUGS } from './bugs.ts';
import { simulateGenesis } from './genesis.ts';
import { simulate } from './simulation.ts';

const SEEDS = 200;
const GENESES = 300;
/** Bugs that take more seeds than this are left to `npm run sim -- --bugs`; rules.test.ts has them all. */
const QUICK = 150;
const SLOW_BUGS = ['restart-forgets-promise', 'transfer-keeps-lease'];

describe('the simulation', () => {
  it(`finds nothing wrong in ${SEEDS} seeds`, () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { failure } = simulate({ seed });
      assert.equal(failure, null, `npm run sim -- --seed ${seed} --trace: ${failure?.message}`);
    }
  });

  it('repeats a seed step by step', () => {
    for (const seed of [3, 77, 1234]) assert.deepEqual(simulate({ seed }), simulate({ seed }));
    assert.notEqual(simulate({ seed: 3 }).traceHash, simulate({ seed: 4 }).traceHash);
  });

  for (const [name, { rule, concerns = {}, wipedKeepsIdentity = false }] of Object.entries(BUGS)) {
    if (SLOW_BUGS.includes(name)) continue;
    it(`finds the planted bug ${name} (rule ${rule})`, () => {
      for (let seed = 1; seed <= QUICK; seed++) {
        if (simulate({ seed, concerns, wipedKeepsIdentity }).failure !== null) return;
      }
      assert.fail(`not in ${QUICK} seeds`);
    });
  }
});

describe('the founding of a cluster', () => {
  it(`ends in one cluster in ${GENESES} seeds`, () => {
    for (let seed = 1; seed <= GENESES; seed++) simulateGenesis(seed);
  });

  it('would not, if an endorsement were forgotten in a crash', () => {
    assert.throws(() => {
      for (let seed = 1; seed <= GENESES; seed++) {
        simulateGenesis(seed, (options) => new Genesis({ ...options, stored: NO_GENESIS }));
      }
    });
  });
});
