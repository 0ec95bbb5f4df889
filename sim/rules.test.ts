import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Concerns } from '../src/cluster/consensus/concerns.ts';
import type { Message } from '../src/cluster/consensus/messages.ts';
import { Stage } from '../src/cluster/consensus/testdata/transcript.ts';
import { BUGS } from './bugs.ts';

type Story = (concerns: Partial<Concerns>) => void;

/**
 * One of the eleven rules (DESIGN section 7): the story holds with the real core, and fails when the rule is taken out.
 * The second half is what makes the first one a test.
 */
function rule(title: string, bugs: readonly string[], story: Story): void {
  it(title, () => story({}));
  for (const bug of bugs) {
    it(`... and is seen to be broken by ${bug}`, () => {
      assert.throws(() => story(BUGS[bug].concerns ?? {}));
    });
  }
}

/** Three members, a is master, everything is settled. */
function cluster(concerns: Partial<Concerns>): Stage {
  return new Stage(concerns).play('cluster a b c', 'live 400');
}

const types = (messages: Message[]) => messages.map(({ type }) => type);

describe('rule 1: on disk before it is said', () => {
  rule('a vote leaves when term and vote are durable', ['vote-not-persisted'], (concerns) => {
    const stage = new Stage(concerns).play('cluster a b c', 'advance 300', 'deliver', 'deliver to=a');
    assert.deepEqual(types(stage.messages('type=vote')), [], 'the candidate has not written yet');
    stage.play('persist a', 'deliver to=b');
    assert.deepEqual(types(stage.messages('from=b', 'type=vote-reply')), [], 'the voter has not written yet');
    stage.play('persist b');
    assert.equal(stage.messages('from=b', 'type=vote-reply').length, 1);
  });

  rule('entries are acknowledged when they are durable', ['ack-before-fsync'], (concerns) => {
    const stage = cluster(concerns).play('propose a x', 'deliver to=b');
    assert.deepEqual(stage.messages('from=b', 'type=append-ack'), []);
    stage.play('persist b');
    assert.equal(stage.messages('from=b', 'type=append-ack').length, 1);
  });

  rule('a lone voter waits for its own disk too', ['own-disk-assumed'], (concerns) => {
    const stage = new Stage(concerns).play('cluster a', 'live 400', 'propose a x');
    assert.equal(stage.core('a').commitIndex, 1);
    assert.deepEqual(stage.run('persist a'), ['a applies 2/1:x', 'a answers proposal 1: committed']);
  });
});

describe('rule 2: logs compare as (last term, last index)', () => {
  rule('a longer log of an older term loses', ['log-compared-by-length'], (concerns) => {
    const stage = cluster(concerns);
    // a writes three entries that nobody receives; b and c go on in a later term with one.
    stage.play('propose a p', 'propose a q', 'propose a r', 'drop', 'persist a', 'persist a', 'crash a');
    stage.play('died b a', 'died c a', 'live 400', 'crash b', 'restart a', 'drop');
    assert.ok(stage.core('c').log.lastTerm > stage.core('a').log.lastTerm);
    assert.ok(stage.core('c').lastIndex < stage.core('a').lastIndex);
    const committed = stage.core('c').commitIndex;
    stage.play('live 3000');
    assert.equal(stage.core('c').role, 'master');
    assert.ok(stage.core('c').commitIndex > committed);
  });
});

describe('rule 3: only entries of the own term are committed by counting', () => {
  rule('an entry of an old term on a quorum is not committed', ['old-term-committed'], (concerns) => {
    const stage = cluster(concerns);
    // The entry is on a and b, but nobody knows. b is elected, and its first own entry stays on its way.
    stage.play('propose a x', 'deliver to=b', 'persist a', 'persist b', 'drop', 'crash a', 'died b a', 'died c a');
    stage.play('deliver to=c', 'deliver to=b', 'persist b', 'deliver to=c', 'persist c', 'deliver to=b');
    assert.equal(stage.core('b').role, 'master');
    const append = stage.messages('from=b', 'to=c', 'type=append')[0];
    assert.ok(append.type === 'append');
    // c acknowledges what it has of the earlier term only.
    stage.play('drop', 'persist b');
    const { term } = stage.core('b');
    const ack = { ...append, type: 'append-ack' as const, from: 'c', to: 'b', boot: 1, match: 2, stamp: 0, term };
    stage.inject(ack);
    stage.play('deliver to=b');
    assert.equal(stage.core('b').commitIndex, 1);
    stage.inject({ ...ack, match: 3 });
    stage.play('deliver to=b');
    assert.equal(stage.core('b').commitIndex, 3, 'with an entry of its own term both are');
  });
});

describe('rule 4: only a real conflict truncates', () => {
  rule('an old append that comes again removes nothing', ['stale-truncates'], (concerns) => {
    const stage = cluster(concerns).play('propose a x');
    const old = stage.messages('to=b', 'type=append')[0];
    stage.play('propose a y', 'deliver to=b', 'persist b', 'persist b');
    const { lastIndex } = stage.core('b');
    stage.inject(old);
    stage.play('deliver to=b');
    assert.equal(stage.core('b').lastIndex, lastIndex);
  });
});

describe('rule 5: a snapshot installs whole, forward, and durably', () => {
  const snapshot = (stage: Stage, index: number): Message => {
    const heartbeat = stage.messages('to=b', 'type=append')[0];
    assert.ok(heartbeat.type === 'append');
    const { cluster, from, to, boot, nonce, term, stamp } = heartbeat;
    const meta = { index, term: 1, membership: { voters: ['a', 'b', 'c'], learners: ['new'] } };
    return {
      type: 'snapshot-chunk',
      cluster,
      from,
      to,
      boot,
      nonce,
      term,
      stamp,
      meta,
      offset: 0,
      data: new Uint8Array(1),
      last: true,
    };
  };

  rule('nothing committed is replaced by something older', ['snapshot-below-commit'], (concerns) => {
    const stage = cluster(concerns).play('propose a x', 'settle', 'live 100', 'advance 50');
    const message = snapshot(stage, 1);
    const applied = stage.applied('b').length;
    stage.inject(message);
    stage.play('deliver to=b', 'settle');
    assert.equal(stage.applied('b').length, applied);
    assert.equal(stage.core('b').commitIndex, 2);
  });

  rule(
    'it is acknowledged when it is durable, and brings its membership',
    ['snapshot-acked-early', 'snapshot-without-membership'],
    (concerns) => {
      const stage = cluster(concerns).play('advance 50');
      const message = snapshot(stage, 9);
      stage.play('drop');
      stage.inject(message);
      stage.play('deliver to=b');
      stage.play('advance 50', 'deliver to=b type=append');
      const early = stage
        .messages('from=b', 'type=append-ack')
        .filter((ack) => ack.type === 'append-ack' && ack.match >= 9);
      assert.deepEqual(early, []);
      stage.play('drop', 'persist b');
      const acks = stage.messages('from=b', 'type=append-ack');
      assert.ok(acks.some((ack) => ack.type === 'append-ack' && ack.match === 9));
      assert.deepEqual(stage.core('b').membership.membership.learners, ['new']);
    },
  );
});

describe('rule 6: one process per identity', () => {
  rule('a live duplicate is refused', ['duplicate-admitted'], (concerns) => {
    const stage = cluster(concerns).play('crash b', 'restart b', 'advance 10', 'deliver from=b');
    assert.equal(stage.messages('from=a', 'to=b', 'type=refused').length, 1, 'a still takes the first b for alive');
    stage.play('settle', 'live 100');
    assert.equal(stage.core('b').muted, true);
  });

  it('a restart that everyone knows of is welcome at once', () => {
    const stage = cluster({}).play('crash b', 'drop', 'died a b', 'died c b', 'restart b', 'live 20');
    assert.equal(stage.core('b').muted, false);
  });
});

describe('rule 7: one membership change at a time', () => {
  const joining = (concerns: Partial<Concerns>) =>
    cluster(concerns).play('newcomer d', 'newcomer e', 'advance 100', 'deliver type=join', 'advance 20');

  rule('the second waits for the first to be committed', ['two-changes'], (concerns) => {
    const stage = joining(concerns);
    const core = stage.core('a');
    const pending = () => {
      let count = 0;
      for (let index = core.commitIndex + 1; index <= core.lastIndex; index++)
        if (core.log.entry(index).membership) count++;
      return count;
    };
    assert.equal(pending(), 1);
    stage.play('live 100');
    assert.equal(core.membership.membership.voters.length, 5);
  });

  rule('a new master changes nothing before it has committed something itself', ['change-too-early'], (concerns) => {
    const stage = cluster(concerns).play('crash a', 'drop', 'died b a', 'died c a');
    stage.play('deliver to=c', 'deliver to=b', 'persist b', 'deliver to=c', 'persist c', 'deliver to=b');
    assert.equal(stage.core('b').role, 'master');
    const { index } = stage.core('b').membership;
    stage.play('drop', 'newcomer d', 'advance 100', 'deliver type=join', 'drop', 'advance 20');
    assert.equal(stage.core('b').membership.index, index);
  });
});

describe('rule 8: learners never count', () => {
  rule('an entry on the master and two learners is not committed', ['learner-counted'], (concerns) => {
    const stage = new Stage(concerns).play('limit voters 3', 'cluster a b c learners d e', 'live 400');
    const before = stage.core('a').commitIndex;
    stage.play('propose a x', 'drop to=b,c');
    stage.play('deliver to=d,e', 'persist a', 'persist d', 'persist e', 'deliver to=a');
    assert.equal(stage.core('a').commitIndex, before);
  });

  it('a learner answers a request for its vote all the same: it may have been promoted without knowing', () => {
    const stage = new Stage().play('cluster a b c learners d', 'live 400', 'crash a', 'drop', 'advance 400', 'drop');
    const request = { type: 'vote' as const, lastIndex: 9, lastTerm: 9, transfer: false };
    stage.inject({ ...request, cluster: 'test', nonce: 0, boot: 1, from: 'b', to: 'd', term: 9 });
    stage.play('deliver to=d type=vote', 'persist d');
    const replies = stage.messages('from=d', 'type=vote-reply');
    assert.ok(replies.some((reply) => reply.type === 'vote-reply' && reply.granted));
  });
});

describe('rule 9: pre-vote and check-quorum', () => {
  rule('the return of an isolated slave disturbs nobody', ['no-pre-vote'], (concerns) => {
    const stage = cluster(concerns).play('live 2000 from=a,b to=a,b', 'drop', 'live 300');
    assert.equal(stage.core('a').role, 'master');
    assert.equal(stage.core('a').term, 1);
  });

  rule('an isolated master steps down', ['no-check-quorum'], (concerns) => {
    const stage = cluster(concerns).play('live 600 from=b,c to=b,c');
    assert.notEqual(stage.core('a').role, 'master');
  });
});

describe('rule 10: the lease', () => {
  rule(
    'a master that stood still may not answer, before any event tells it so',
    ['lease-not-rechecked'],
    (concerns) => {
      const stage = cluster(concerns);
      assert.equal(stage.mayAnswer('a'), true);
      stage.play('sleep 250');
      assert.equal(stage.mayAnswer('a'), false);
    },
  );

  rule('a voter that has heard its master lately elects nobody', ['promise-broken'], (concerns) => {
    // c hears nothing from a, b does: b keeps its promise.
    const split = cluster(concerns);
    for (let ms = 0; ms < 1_000; ms += 10) split.play('advance 10', 'drop from=a to=c', 'drop from=c to=a', 'settle');
    assert.equal(split.core('b').term, 1);
    assert.equal(split.core('a').role, 'master');
  });

  rule('a restart does not end the promise', ['restart-forgets-promise'], (concerns) => {
    const stage = cluster(concerns).play(
      'advance 50',
      'settle',
      'crash b',
      'drop',
      'died a b',
      'died c b',
      'restart b',
    );
    stage.play('advance 10', 'deliver from=b', 'deliver to=b', 'drop');
    assert.equal(stage.core('b').muted, false);
    const request = { type: 'vote' as const, cluster: 'test', from: 'c', to: 'b', boot: 1, nonce: 0, transfer: false };
    stage.inject({ ...request, term: 2, lastIndex: 9, lastTerm: 1 });
    stage.play('deliver to=b', 'persist b');
    assert.deepEqual(stage.messages('from=b', 'type=vote-reply'), []);
  });

  rule(
    'a master that ordered its heir to campaign never answers again in its term',
    ['transfer-keeps-lease'],
    (concerns) => {
      const stage = cluster(concerns).play('transfer a b');
      assert.equal(stage.messages('type=timeout-now').length, 1);
      assert.equal(stage.core('a').role, 'master');
      assert.equal(stage.mayAnswer('a'), false);
    },
  );
});

describe('rule 11: retries are safe', () => {
  rule(
    'what is open when mastership ends is uncertain, and stays with its proposer',
    ['refused-but-kept', 'proposal-repeated'],
    (concerns) => {
      const stage = cluster(concerns).play('propose a x', 'drop', 'persist a');
      const said: string[] = [];
      for (let ms = 0; ms < 600; ms += 10) said.push(...stage.run('live 10 from=b,c to=b,c'));
      assert.deepEqual(
        said.filter((line) => line.includes('proposal')),
        ['a answers proposal 1: uncertain'],
      );
      // a becomes master again, with its entry still in the log if b and c did not go on without it.
      stage.play('drop', 'live 300', 'crash b', 'died a b', 'died c b', 'live 1000', 'transfer c a', 'live 500');
      stage.play('propose a y', 'settle', 'live 100');
      const batches = stage.applied('c').filter((entry) => entry === 'x');
      assert.ok(batches.length <= 1);
      assert.ok(stage.applied('c').includes('y'));
      const log = stage.core('a').log;
      const copies = [];
      for (let index = log.base.index + 1; index <= log.last; index++) {
        if (Buffer.from(log.entry(index).data).toString() === 'x') copies.push(index);
      }
      assert.deepEqual(copies, [], 'b and c had gone on without it, and nobody brought it back');
    },
  );

  it('a proposal to anyone but the master is refused with the master’s name', () => {
    const stage = cluster({});
    assert.deepEqual(stage.run('propose b x'), ['b answers proposal 1: not-master']);
  });
});
