import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AnnounceAnswer, AnnounceFields } from './announcement.ts';
import { ContentReport } from './content-report.ts';
import { COMPLETE, TestContent } from './test-content.ts';
import { TrackerAccount } from './tracker-account.ts';
import { TrackerError } from './tracker-error.ts';

const PATIENCE = { firstMs: 1, attempts: 1 };
const NEVER = new AbortController().signal;
const ANSWER: AnnounceAnswer = {
  intervalSeconds: 1,
  minIntervalSeconds: undefined,
  peers: [],
  seeders: 0,
  leechers: 0,
  warning: undefined,
  externalHost: undefined,
};

type Outcome = 'answered' | 'lost on the way' | 'answer lost';

/** A tracker that hears or does not, and an account of it. */
function place(outcomes: () => Outcome, content = new TestContent(1)) {
  const heard: AnnounceFields[] = [];
  const acknowledged: AnnounceFields[] = [];
  const account = new TrackerAccount(new ContentReport(content), async (fields) => {
    const outcome = outcomes();
    if (outcome !== 'lost on the way') heard.push(fields);
    if (outcome !== 'answered') throw new TrackerError('NO_ANSWER', outcome);
    acknowledged.push(fields);
    return ANSWER;
  });
  return { account, content, heard, acknowledged };
}

test('started is said until it is acknowledged, then nothing particular, completed once, and stopped at the end', async () => {
  const { account, content, acknowledged } = place(() => 'answered');
  const announce = () => account.announce(PATIENCE, NEVER);
  await announce();
  await announce();
  content.current = COMPLETE;
  await announce();
  await announce();
  await account.stop(PATIENCE, NEVER);
  await account.stop(PATIENCE, NEVER);
  const said = acknowledged.map(({ event, left, numWant }) => [event, left, numWant]);
  assert.deepEqual(said, [
    ['started', 1000, undefined],
    [undefined, 1000, undefined],
    ['completed', 0, undefined],
    [undefined, 0, undefined],
    ['stopped', 0, 0],
  ]);
  assert.equal(new Set(acknowledged.map(({ key }) => key)).size, 1);
});

test('who had all from the start completes nothing', async () => {
  const { account, acknowledged } = place(() => 'answered', new TestContent(1, { current: COMPLETE }));
  await account.announce(PATIENCE, NEVER);
  await account.announce(PATIENCE, NEVER);
  assert.deepEqual(
    acknowledged.map(({ event }) => event),
    ['started', undefined],
  );
});

test('a tracker that cannot know of us is not taken leave of, one that may is', async () => {
  const deaf = place(() => 'lost on the way');
  await assert.rejects(deaf.account.announce(PATIENCE, NEVER));
  await deaf.account.stop(PATIENCE, NEVER);

  const heard: (string | undefined)[] = [];
  const account = new TrackerAccount(new ContentReport(new TestContent(1)), async ({ event }) => {
    heard.push(event);
    if (event === 'started') throw new TrackerError('STOPPED', 'called off');
    return ANSWER;
  });
  await assert.rejects(account.announce(PATIENCE, NEVER));
  await account.stop(PATIENCE, NEVER);
  assert.deepEqual(heard, ['started', 'stopped']);
});

test('whatever is lost, the tracker hears of each event in order, and counts one download', async () => {
  const outcome = fc.constantFrom<Outcome>('answered', 'lost on the way', 'answer lost');
  await fc.assert(
    fc.asyncProperty(fc.array(outcome, { maxLength: 12 }), fc.nat({ max: 12 }), async (outcomes, completeAt) => {
      let at = 0;
      const { account, content, heard, acknowledged } = place(() => outcomes[at++] ?? 'answered');
      for (let i = 0; i < 12; i++) {
        if (i === completeAt) content.current = COMPLETE;
        await account.announce(PATIENCE, NEVER).catch(() => {});
      }
      content.current = COMPLETE;
      await account.stop(PATIENCE, NEVER);
      const events = acknowledged.flatMap(({ event }) => event ?? []);
      assert.equal(events.filter((event) => event === 'completed').length, 1);
      assert.equal(events.at(-1), 'stopped');
      // As trackers count: whoever says `completed` and was not a seeder before. No other announce may make it one.
      const becameSeeder = heard.find(({ left }) => left === 0);
      assert.equal(becameSeeder?.event, 'completed');
      const first = heard[0].event;
      assert.ok(first === 'started' || first === 'completed', `${first}`);
    }),
  );
});
