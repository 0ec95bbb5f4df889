import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nextAttempt } from './reconnect-policy.ts';

const origins = fc.uniqueArray(fc.constantFrom('', 'http://a', 'http://b', 'http://c', 'http://d'));

test('the one that was lost is tried twice, then each other member', () => {
  const tried = [0, 1, 2, 3, 4, 5].map(
    (failures) => nextAttempt(failures, '', ['http://b', '', 'http://c'], 0.5).origin,
  );
  assert.deepEqual(tried, ['', '', 'http://b', 'http://c', '', '']);
});

test('a round takes little more than a second at first, and waits grow to five seconds', () => {
  const delays = Array.from({ length: 60 }, (_, failures) => nextAttempt(failures, '', ['http://b'], 0.5).delayMs);
  assert.deepEqual(delays.slice(0, 7), [300, 300, 300, 600, 600, 600, 1_200]);
  assert.equal(delays.at(-1), 5_000);
});

test('every member is tried in every round, and no wait is too long or too short', () => {
  fc.assert(
    fc.property(origins, fc.nat(100_000), fc.double({ min: 0, max: 1, noNaN: true }), (others, first, random) => {
      const round = new Set(others).add('');
      const attempts = Array.from({ length: 2 * (round.size + 1) }, (_, i) =>
        nextAttempt(first + i, '', others, random),
      );
      assert.deepEqual(new Set(attempts.map(({ origin }) => origin)), round);
      for (const { delayMs } of attempts) assert.ok(delayMs >= 200 && delayMs <= 6_250);
    }),
  );
});
