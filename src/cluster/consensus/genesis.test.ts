import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  Genesis,
  type GenesisEffect,
  type GenesisEvent,
  type GenesisMessage,
  type GenesisRecord,
  type GenesisStored,
  genesisMembership,
  NO_GENESIS,
} from './genesis.ts';

/** Instances on a perfect network; each persist is durable at once. */
class Founders {
  readonly geneses = new Map<string, Genesis>();
  readonly stored = new Map<string, GenesisStored>();
  readonly outcomes = new Map<string, GenesisEffect>();
  wire: GenesisMessage[] = [];
  now = 0;
  private readonly expect: number;

  constructor(expect: number, ...members: string[]) {
    this.expect = expect;
    for (const member of members) this.start(member);
  }

  start(member: string): void {
    const stored = this.stored.get(member) ?? NO_GENESIS;
    const { expect, now } = this;
    this.geneses.set(member, new Genesis({ self: member, stored, expect, now, newCluster: () => `of ${member}` }));
  }

  take(member: string, event: GenesisEvent): void {
    for (const effect of this.geneses.get(member)?.step(event, this.now) ?? []) {
      if (effect.type === 'send') this.wire.push(effect.message);
      else if (effect.type === 'persist') {
        this.stored.set(member, effect.stored);
        this.take(member, { type: 'persisted' });
      } else this.outcomes.set(member, effect);
    }
  }

  /** @param lost which messages do not arrive */
  live(ms: number, lost: (message: GenesisMessage) => boolean = () => false): void {
    for (const end = this.now + ms; this.now < end; this.now += 50) {
      for (const member of this.geneses.keys()) {
        for (const other of this.geneses.keys())
          if (other !== member) this.take(member, { type: 'unformed', member: other });
        this.take(member, { type: 'tick' });
      }
      for (let due = this.wire; due.length > 0; due = this.wire) {
        this.wire = [];
        for (const message of due) if (!lost(message)) this.take(message.to, { type: 'message', message });
      }
    }
  }
}

const record = (members: string[]): GenesisRecord => ({ cluster: 'x', proposer: members[0], attempt: 1, members });

describe('the founding of a cluster', () => {
  it('waits until as many instances as expected are in sight, then all of them know the same cluster', () => {
    const two = new Founders(3, 'a', 'b');
    two.live(5_000);
    assert.equal(two.outcomes.size, 0);
    const three = new Founders(3, 'a', 'b', 'c');
    three.live(1_000);
    for (const member of ['a', 'b', 'c']) {
      const outcome = three.outcomes.get(member);
      assert.ok(outcome?.type === 'formed');
      assert.deepEqual(outcome.record, { cluster: 'of a', proposer: 'a', attempt: 1, members: ['a', 'b', 'c'] });
    }
  });

  it('is done by one alone if one is expected', () => {
    const founders = new Founders(1, 'a');
    founders.live(500);
    assert.equal(founders.outcomes.get('a')?.type, 'formed');
  });

  it('joins a cluster that is there already', () => {
    const founders = new Founders(1, 'a');
    founders.take('a', { type: 'cluster', cluster: 'there' });
    founders.live(1_000);
    assert.deepEqual(founders.outcomes.get('a'), { type: 'join', cluster: 'there' });
  });

  it('does not happen without the endorsement of everyone', () => {
    const founders = new Founders(3, 'a', 'b', 'c');
    founders.live(10_000, ({ from, type }) => from === 'c' && type === 'endorse');
    assert.equal(founders.outcomes.size, 0);
    founders.live(5_000);
    assert.equal(founders.outcomes.size, 3);
  });

  it('tells those who missed the news', () => {
    const founders = new Founders(3, 'a', 'b', 'c');
    founders.live(1_000, ({ to, type }) => to === 'c' && type === 'formed');
    assert.deepEqual([...founders.outcomes.keys()].sort(), ['a', 'b']);
    founders.start('a'); // even after a restart
    founders.live(1_000);
    assert.equal(founders.outcomes.get('c')?.type, 'formed');
  });

  it('gives an endorser a new identity when its proposer is gone for good', () => {
    const founders = new Founders(3, 'a', 'b', 'c');
    founders.live(1_000, ({ type }) => type === 'formed');
    founders.geneses.delete('a');
    founders.live(20_000);
    assert.equal(founders.outcomes.get('b')?.type, 'renew');
    assert.equal(founders.outcomes.get('c')?.type, 'renew');
  });

  it('makes an odd number of voters of the founders', () => {
    assert.deepEqual(genesisMembership(record(['a'])), { voters: ['a'], learners: [] });
    assert.deepEqual(genesisMembership(record(['a', 'b'])), { voters: ['a'], learners: ['b'] });
    assert.deepEqual(genesisMembership(record(['a', 'b', 'c'])), { voters: ['a', 'b', 'c'], learners: [] });
    assert.deepEqual(genesisMembership(record(['a', 'b', 'c', 'd'])), { voters: ['a', 'b', 'c'], learners: ['d'] });
  });
});
