import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AFTER_USE_MS, Candidates, MAX_BANNED_HOSTS, MAX_CANDIDATES, MAX_FAILURES, RETRY_MS } from './candidates.ts';

const at = (host: string, port = 1) => ({ host, port });

describe('Candidates', () => {
  it('are tried once each, in the order they were heard of', () => {
    const candidates = new Candidates();
    for (const host of ['a', 'b', 'a']) candidates.add(at(host));
    assert.deepEqual([candidates.next(0), candidates.next(0), candidates.next(0)], [at('a'), at('b'), undefined]);
  });

  it('that failed wait longer each time, and are forgotten in the end', () => {
    const candidates = new Candidates();
    candidates.add(at('a'));
    let now = 0;
    for (let failure = 1; failure <= MAX_FAILURES; failure++) {
      assert.deepEqual(candidates.next(now), at('a'));
      candidates.ended(now, at('a'), false);
      const wait = RETRY_MS * 4 ** (failure - 1);
      assert.equal(candidates.next(now + wait - 1), undefined);
      now += wait;
    }
    assert.equal(candidates.size, 0);
  });

  it('that were of use are never forgotten, and are tried at once when it is asked for', () => {
    const candidates = new Candidates();
    candidates.add(at('a'));
    for (let i = 0; i < 2 * MAX_FAILURES; i++) {
      assert.deepEqual(candidates.next(0), at('a'));
      candidates.ended(0, at('a'), true);
      assert.equal(candidates.next(AFTER_USE_MS - 1), undefined);
      candidates.retryAll();
    }
    candidates.forget(at('a'));
    assert.equal(candidates.next(0), undefined);
  });

  it('are handed on with those that are being tried or failed', () => {
    const candidates = new Candidates();
    for (const host of ['a', 'b', 'c', 'd']) candidates.add(at(host));
    candidates.next(0);
    candidates.next(0);
    candidates.ended(0, at('b'), false);
    candidates.ban('d');
    assert.deepEqual(new Set(candidates.endpoints), new Set([at('a'), at('b'), at('c')]));
  });

  it('of a banned host are gone with all their ports, and do not come back', () => {
    const candidates = new Candidates();
    for (const peer of [at('a', 1), at('a', 2), at('b')]) candidates.add(peer);
    candidates.ban('a');
    assert.equal(candidates.add(at('a', 3)), false);
    assert.deepEqual([candidates.next(0), candidates.next(0)], [at('b'), undefined]);
    assert.equal(candidates.isBanned('a'), true);
  });

  it('are bounded, as are bans', () => {
    const candidates = new Candidates();
    for (let i = 0; i < MAX_CANDIDATES + 10; i++) candidates.add(at(`h${i}`));
    assert.equal(candidates.size, MAX_CANDIDATES);
    for (let i = 0; i <= MAX_BANNED_HOSTS; i++) candidates.ban(`b${i}`);
    assert.deepEqual([candidates.isBanned('b0'), candidates.isBanned('b1')], [false, true]);
  });
});
