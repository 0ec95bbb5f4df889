import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionIds, MAX_AHEAD_SECONDS, VALID_SECONDS } from './connection-ids.ts';

const key = Uint8Array.from({ length: 16 }, (_, i) => i * 7);
const home4 = Int32Array.of(0x0100_007f);
const home6 = Int32Array.of(1, 2, 3, 4);

for (const [family, home] of [
  [4, home4],
  [6, home6],
] as const) {
  test(`an ID is valid for two minutes, at the IPv${family} address it was issued to, on any instance of the cluster`, () => {
    for (const now of [0, 1_000, 0xffff, 0x1_0000 + 5, 0xffff_fff0]) {
      const ids = new ConnectionIds(key);
      ids.issue(family, home, 0, now);
      const { high, low } = ids;
      const other = new ConnectionIds(key);
      assert.ok(other.isValid(high, low, family, home, 0, now));
      assert.ok(other.isValid(high, low, family, home, 0, now + VALID_SECONDS));
      assert.ok(!other.isValid(high, low, family, home, 0, now + VALID_SECONDS + 1));
      const elsewhere = home.map((word, at) => (at === home.length - 1 ? word + 1 : word));
      assert.ok(!other.isValid(high, low, family, elsewhere, 0, now));
    }
  });
}

test('an ID of an instance that was killed is valid though cluster time went on from an earlier moment', () => {
  for (const now of [1_000, 0x1_0000 + 5]) {
    const ids = new ConnectionIds(key);
    ids.issue(4, home4, 0, now);
    const { high, low } = ids;
    assert.ok(ids.isValid(high, low, 4, home4, 0, now - MAX_AHEAD_SECONDS));
    assert.ok(!ids.isValid(high, low, 4, home4, 0, now - MAX_AHEAD_SECONDS - 1));
  }
});

test('no other ID than the one issued is valid, in any bit', () => {
  const ids = new ConnectionIds(key);
  ids.issue(4, home4, 0, 500);
  const { high, low } = ids;
  for (let bit = 0; bit < 32; bit++) {
    assert.ok(!ids.isValid(high ^ (1 << bit), low, 4, home4, 0, 500), `high bit ${bit}`);
    assert.ok(!ids.isValid(high, (low ^ (1 << bit)) >>> 0, 4, home4, 0, 500), `low bit ${bit}`);
  }
});

test('IDs of another key are not valid', () => {
  const ids = new ConnectionIds(key);
  ids.issue(4, home4, 0, 500);
  assert.ok(!new ConnectionIds(new Uint8Array(16)).isValid(ids.high, ids.low, 4, home4, 0, 500));
});
