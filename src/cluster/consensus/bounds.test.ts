import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Core } from './core.ts';
import { batchEntry, heldBytes } from './entry.ts';
import { Stage } from './testdata/transcript.ts';

/** A cluster of three with a as master, and small bounds. */
function cluster(...limits: string[]): Stage {
  return new Stage().play(...limits.map((limit) => `limit ${limit}`), 'cluster a b c', 'live 400', 'drop');
}

function proposeMany(stage: Stage, count: number): string[] {
  const said: string[] = [];
  for (let i = 0; i < count; i++) said.push(...stage.run(`propose a p${i}`));
  return said;
}

describe('every queue of the core has a bound', () => {
  it('no more appends are under way to a member than allowed, and the rest follows in one', () => {
    const stage = cluster('inflightMessages 3');
    proposeMany(stage, 10);
    assert.equal(stage.messages('to=b', 'type=append').length, 3);
    stage.play('deliver to=b', 'persist b', 'persist b', 'deliver to=a from=b');
    const rest = stage.messages('to=b', 'type=append');
    assert.equal(rest.length, 1);
    assert.ok(rest[0].type === 'append' && rest[0].entries.length === 7);
  });

  it('no more bytes are under way to a member than allowed', () => {
    const stage = cluster('inflightBytes 100');
    proposeMany(stage, 10);
    assert.equal(stage.messages('to=b', 'type=append').length, 3, 'of 34 bytes each: the third one reaches the bound');
  });

  it('a message holds no more bytes than allowed, but always one entry', () => {
    const stage = cluster('messageBytes 80', 'inflightMessages 1');
    proposeMany(stage, 5);
    stage.play('deliver to=b', 'persist b', 'deliver to=a from=b');
    const [next] = stage.messages('to=b', 'type=append');
    assert.ok(next.type === 'append' && next.entries.length === 2);
  });

  it('a proposal too many is refused as overloaded, and never enters the log', () => {
    const stage = cluster('pendingProposals 4');
    const refused = proposeMany(stage, 6).filter((line) => line.includes('overloaded'));
    assert.deepEqual(refused, ['a answers proposal 5: overloaded', 'a answers proposal 6: overloaded']);
    stage.play('settle', 'live 100');
    assert.deepEqual(stage.applied('b').slice(1), ['p0', 'p1', 'p2', 'p3']);
  });

  it('a lost append is found by the next heartbeat and sent again', () => {
    const stage = cluster();
    proposeMany(stage, 3);
    stage.play('drop to=b', 'settle');
    assert.equal(stage.core('b').lastIndex, 1);
    stage.play('live 100');
    assert.equal(stage.core('b').lastIndex, stage.core('a').lastIndex);
  });

  it('of the log it keeps what was asked for, and a member that is alone keeps less', () => {
    const entries = (core: Core) => core.log.last - core.log.base.index;
    for (const [members, kept] of [
      ['a', 1],
      ['a b c', 10],
    ] as const) {
      const limits = { keepLogBytes: 10 * ENTRY_BYTES, soleKeepLogBytes: ENTRY_BYTES };
      const stage = new Stage({}, {}, limits).play(`cluster ${members}`, 'live 400');
      proposeMany(stage, 30);
      stage.play('settle', 'live 100', 'checkpoint a');
      assert.equal(entries(stage.core('a')), kept);
    }
  });

  it('the log waits for a member that is slow, up to a bound', () => {
    const stage = new Stage({}, {}, { keepLogBytes: 10 * ENTRY_BYTES }).play('cluster a b c', 'live 400', 'drop');
    const base = () => stage.core('a').log.base.index;
    const matched = () => stage.core('a').progress.get('c')?.match as number;
    // The disk of c stands still; heartbeats are acknowledged all the same.
    const commit = () =>
      stage.play('deliver', 'persist a b', 'deliver', 'advance 50', 'deliver', 'deliver', 'checkpoint a');
    proposeMany(stage, 20);
    commit();
    const before = matched();
    assert.equal(base(), before, 'c needs the rest');
    proposeMany(stage, 30);
    commit();
    commit();
    assert.ok(matched() === before && base() > before, 'more than four times as much is kept for nobody');
  });

  it('the log does not wait for a member that is silent', () => {
    const stage = new Stage({}, {}, { keepLogBytes: 10 * ENTRY_BYTES }).play('cluster a b c', 'live 400', 'crash c');
    proposeMany(stage, 20);
    stage.play('live 600', 'checkpoint a');
    assert.equal(stage.core('a').log.last - stage.core('a').log.base.index, 10);
  });
});

/** Of a proposal of one or two letters, and a little more. */
const ENTRY_BYTES = heldBytes(batchEntry(1, 1, new Uint8Array(4)));
