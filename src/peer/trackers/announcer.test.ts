import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitFor } from '../../../test/harness/wait-for.ts';
import type { AnnounceAnswer } from './announcement.ts';
import { Announcer, type AnnouncerOptions, FIRST_RETRY_MS, LONGEST_RETRY_MS, retryMs } from './announcer.ts';
import { TrackerError } from './tracker-error.ts';

const PEER = { host: '192.0.2.1', port: 1 };

/** A round that answers as it is told, and an announcer of it. */
function announcer(answer: () => Partial<AnnounceAnswer> | TrackerError, options: Partial<AnnouncerOptions> = {}) {
  const rounds: number[] = [];
  let stops = 0;
  const running = new Announcer(
    {
      announce: async (signal) => {
        rounds.push(performance.now());
        const next = answer();
        if (signal.aborted) throw new TrackerError('STOPPED', 'called off');
        if (next instanceof TrackerError) throw next;
        return {
          intervalSeconds: 1_800,
          minIntervalSeconds: undefined,
          peers: [PEER],
          seeders: 3,
          leechers: 4,
          warning: undefined,
          externalHost: undefined,
          ...next,
        };
      },
      stop: async () => {
        stops++;
      },
    },
    { random: () => 0, gapMs: 0, isIncomplete: () => true, ...options },
  );
  return { running, rounds, stops: () => stops, [Symbol.asyncDispose]: () => running.stop().then(() => {}) };
}

const waits = ({ running }: ReturnType<typeof announcer>) =>
  waitFor('the answer', () => running.status.state === 'waiting');

test('the next announce is after the interval, late by up to a tenth, never early', async () => {
  for (const random of [0, 0.5, 0.999]) {
    await using a = announcer(() => ({}), { random: () => random });
    await waits(a);
    const { nextInMs, seeders, leechers, failure } = a.running.status;
    const due = 1_800_000 * (1 + 0.1 * random);
    assert.ok(nextInMs <= due && nextInMs > due - 30_000, `${nextInMs} of ${due}`);
    assert.deepEqual([seeders, leechers, failure], [3, 4, undefined]);
  }
});

test('an interval of nothing is half an hour, and the longest a day', async () => {
  for (const [intervalSeconds, dueMs] of [
    [0, 1_800_000],
    [2 ** 32 - 1, 86_400_000],
  ]) {
    await using a = announcer(() => ({ intervalSeconds }));
    await waits(a);
    const { nextInMs } = a.running.status;
    assert.ok(nextInMs <= dueMs && nextInMs > dueMs - 30_000, `${nextInMs} of ${dueMs}`);
  }
});

test('it goes on at its interval', async () => {
  await using a = announcer(() => ({ intervalSeconds: 0.02 }));
  await waitFor('five rounds', () => a.rounds.length >= 5);
  for (let i = 1; i < 5; i++) assert.ok(a.rounds[i] - a.rounds[i - 1] > 18);
});

test('what changes is told at once, also what changes while it asks', async () => {
  let changeNow = false;
  await using a = announcer(() => {
    if (changeNow) a.running.changed();
    changeNow = false;
    return {};
  });
  await waits(a);
  changeNow = true;
  a.running.changed();
  await waitFor('two more rounds', () => a.rounds.length === 3);
});

test('more peers are asked for no sooner than the tracker allows', async () => {
  await using a = announcer(() => ({ minIntervalSeconds: 900 }));
  await waits(a);
  a.running.morePeers();
  const { nextInMs } = a.running.status;
  assert.ok(nextInMs <= 900_000 && nextInMs > 870_000, `${nextInMs}`);

  await using b = announcer(() => ({}), { gapMs: 10 });
  await waits(b);
  b.running.morePeers();
  await waitFor('another round', () => b.rounds.length === 2);
});

test('who knows of no peer asks sooner, less and less often, as long as something is missing', async () => {
  let incomplete = true;
  const lonely = { lonelyMs: 5, longestLonelyMs: 40, isIncomplete: () => incomplete };
  await using a = announcer(() => ({ peers: [] }), lonely);
  await waitFor('six rounds', () => a.rounds.length >= 6);
  for (const [i, least] of [5, 10, 20, 40, 40].entries()) {
    assert.ok(a.rounds[i + 1] - a.rounds[i] >= least * 0.8, `${a.rounds}`);
  }
  incomplete = false;
  await waitFor('a long pause', () => a.running.status.nextInMs > 1_000_000);
});

test('after a failure it waits longer each time, or as long as the tracker says', async () => {
  assert.deepEqual([0, 1, 2, 100].map(retryMs), [
    FIRST_RETRY_MS,
    2 * FIRST_RETRY_MS,
    4 * FIRST_RETRY_MS,
    LONGEST_RETRY_MS,
  ]);
  const failures: TrackerError[] = [];
  await using a = announcer(() => new TrackerError('NO_ANSWER', 'silent'), { failed: (error) => failures.push(error) });
  await waits(a);
  const { nextInMs, failure } = a.running.status;
  assert.ok(nextInMs <= FIRST_RETRY_MS && nextInMs > 0);
  assert.deepEqual([failure?.code, failures.length], ['NO_ANSWER', 1]);
  a.running.morePeers();
  assert.ok(a.running.status.nextInMs > 0);

  let refused = true;
  await using b = announcer(() => {
    const error = new TrackerError('REFUSED', 'busy', { retryAfterMs: 20 });
    return refused ? error : {};
  });
  await waitFor('three rounds', () => b.rounds.length >= 3);
  refused = false;
  await waitFor('no failure', () => b.running.status.failure === undefined && b.running.status.seeders === 3);

  await using never = announcer(() => new TrackerError('REFUSED', 'gone', { retryAfterMs: Number.POSITIVE_INFINITY }));
  await waits(never);
  assert.equal(never.running.status.nextInMs, Number.POSITIVE_INFINITY);
});

test('stopping takes leave once, and ends what is under way', async () => {
  const a = announcer(() => ({}));
  assert.deepEqual(await Promise.all([a.running.stop(), a.running.stop()]), [true, true]);
  assert.equal(a.stops(), 1);
  assert.equal(a.running.status.state, 'stopped');
  a.running.changed();
  a.running.morePeers();
  assert.equal(a.rounds.length, 1);
});

test('stopping is over in time, whatever trackers do, and says whether they know', async () => {
  const stuck = new Announcer(
    {
      announce: (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
      stop: (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new TrackerError('STOPPED', 'no time is left')));
        }),
    },
    { random: () => 0, gapMs: 0, isIncomplete: () => true },
  );
  assert.equal(await stuck.stop(20), false);
});
