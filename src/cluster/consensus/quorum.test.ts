import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { changed, isMember, type MembershipChange, membershipOf } from './membership.ts';
import { majority, reachedByMajority } from './quorum.ts';

describe('a quorum', () => {
  it('has reached what more than half of the voters have', () => {
    assert.equal(reachedByMajority([]), Number.NEGATIVE_INFINITY);
    assert.equal(reachedByMajority([4]), 4);
    assert.equal(reachedByMajority([4, 9]), 4);
    assert.equal(reachedByMajority([4, 9, 1]), 4);
    assert.equal(reachedByMajority([4, 9, 1, 2]), 2);
    assert.equal(reachedByMajority([4, 9, 1, 2, 7]), 4);
  });

  it('agrees with counting', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 9 }), (values) => {
        const reached = reachedByMajority([...values]);
        const have = (index: number) => values.filter((value) => value >= index).length >= majority(values.length);
        assert.ok(have(reached));
        assert.ok(!have(reached + 1));
      }),
    );
  });

  it('shares a voter with every quorum of a membership one change away', () => {
    const change = fc.constantFrom('add-learner', 'promote', 'demote', 'remove') as fc.Arbitrary<
      MembershipChange['change']
    >;
    const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
    fc.assert(
      fc.property(fc.subarray(ids, { minLength: 1 }), fc.constantFrom(...ids), change, (voters, member, kind) => {
        const learners = ids.filter((id) => !voters.includes(id)).slice(0, 2);
        const before = membershipOf(voters, learners);
        let after: typeof before;
        try {
          after = changed(before, { change: kind, member });
        } catch {
          return; // a change that is none
        }
        assert.equal(isMember(after, member), kind !== 'remove');
        const union = new Set([...before.voters, ...after.voters]).size;
        assert.ok(majority(before.voters.length) + majority(after.voters.length) > union);
      }),
    );
  });
});
