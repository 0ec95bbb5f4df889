import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Choker, type ChokerPeer, NEW_PEER_MS, OPTIMISTIC_MS } from './choker.ts';

const peer = (key: string, downSpeed: number, more: Partial<ChokerPeer<string>> = {}): ChokerPeer<string> => ({
  key,
  interested: true,
  downSpeed,
  upSpeed: 0,
  connectedMs: -1e9,
  ...more,
});
const keys = (set: Set<string>) => [...set].sort().join('');

describe('The choker', () => {
  it('sends to all that want something while there are places', () => {
    const choker = new Choker<string>({ slots: 3, random: () => 0 });
    const peers = [peer('a', 0), peer('b', 0), peer('c', 5, { interested: false })];
    assert.equal(keys(choker.decide(0, false, peers)), 'ab');
    assert.equal(choker.optimistic, undefined);
  });

  it('sends to those that send most, and to one of the others', () => {
    const choker = new Choker<string>({ slots: 3, random: () => 0.99 });
    const peers = [peer('a', 1), peer('b', 9), peer('c', 5), peer('d', 2), peer('e', 3)];
    const unchoked = choker.decide(0, false, peers);
    assert.ok(unchoked.has('b') && unchoked.has('c') && unchoked.size === 3);
    assert.ok('ade'.includes(String(choker.optimistic)));
  });

  it('sends to those that take most when it has all', () => {
    const choker = new Choker<string>({ slots: 2, random: () => 0 });
    const peers = [peer('a', 9, { upSpeed: 1 }), peer('b', 0, { upSpeed: 7 }), peer('c', 0)];
    assert.ok(choker.decide(0, true, peers).has('b'));
    assert.ok(choker.decide(0, false, peers).has('a'));
  });

  it('gives the optimistic place to somebody else after its time, never before', () => {
    const choker = new Choker<string>({ slots: 1, random: () => 0 });
    const peers = ['a', 'b', 'c'].map((key) => peer(key, 0));
    const first = keys(choker.decide(0, false, peers));
    assert.equal(keys(choker.decide(OPTIMISTIC_MS - 1, false, peers)), first);
    const second = keys(choker.decide(OPTIMISTIC_MS, false, peers));
    assert.notEqual(second, first);
    assert.equal(keys(choker.decide(OPTIMISTIC_MS + 1, false, peers)), second);
    const left = peers.filter(({ key }) => key !== second);
    assert.notEqual(keys(choker.decide(OPTIMISTIC_MS + 2, false, left)), second);
  });

  it('draws newcomers three times as often', () => {
    let draws = 0;
    let fresh = 0;
    for (let at = 0; at < 1; at += 0.01) {
      const choker = new Choker<string>({ slots: 1, random: () => at });
      const unchoked = choker.decide(NEW_PEER_MS, false, [peer('old', 0), peer('new', 0, { connectedMs: 1 })]);
      draws++;
      if (unchoked.has('new')) fresh++;
    }
    assert.ok(Math.abs(fresh / draws - 0.75) < 0.02, `${fresh} of ${draws}`);
  });

  it('fills its places with those that want something, and decides the same on the same', () => {
    const any = fc.record({
      key: fc.integer(),
      interested: fc.boolean(),
      downSpeed: fc.nat(5),
      upSpeed: fc.nat(5),
      connectedMs: fc.nat(100_000),
    });
    const peers = fc.uniqueArray(any, { selector: ({ key }) => key, maxLength: 12 });
    const steps = fc.array(fc.tuple(fc.nat(20_000), fc.boolean(), peers), { maxLength: 8 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        steps,
        (slots, draw, list) => {
          const [one, two] = [0, 1].map(() => new Choker<number>({ slots, random: () => draw }));
          let now = 0;
          for (const [passed, seeding, present] of list) {
            now += passed;
            const unchoked = one.decide(now, seeding, present);
            assert.deepEqual(two.decide(now, seeding, present), unchoked);
            const interested = present.filter((candidate) => candidate.interested).map(({ key }) => key);
            assert.equal(unchoked.size, Math.min(slots, interested.length));
            assert.ok([...unchoked].every((key) => interested.includes(key)));
          }
        },
      ),
    );
  });
});
