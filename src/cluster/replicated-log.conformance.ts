import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { LogClient } from './log-client.ts';
import { MAX_MEMBER_MESSAGE_BYTES } from './message-flow.ts';

/** One instance of an engine under test, on a disk of its own. */
export interface LogUnderTest {
  /** A further client in this thread. */
  connect(): Promise<LogClient>;
  /** Ends the instance as a crash would: without a word to anybody. */
  crash(): Promise<void>;
  close(): Promise<void>;
}

/**
 * What every engine behind ReplicatedLog owes to the tracker.
 * @param start starts the instance whose disk belongs to the test; called again, it starts it on what is left there
 */
export function describeReplicatedLog(name: string, start: (t: TestContext) => Promise<LogUnderTest>): void {
  describe(name, () => {
    const open = async (t: TestContext) => {
      const log = await start(t);
      t.after(() => log.close());
      return log;
    };

    it('commits every batch once, in the order in which it was proposed, without gaps', async (t) => {
      const log = await open(t);
      const client = await log.connect();
      const seen: string[] = [];
      const applied: bigint[] = [];
      client.subscribe(0n, {
        apply: (index, batch) => {
          applied.push(index);
          seen.push(text(batch));
        },
      });
      const indexes = await Promise.all(Array.from({ length: 500 }, (_, i) => client.propose(bytes(`batch ${i}`))));
      assert.deepEqual(
        seen,
        Array.from({ length: 500 }, (_, i) => `batch ${i}`),
      );
      assert.deepEqual(applied, indexes);
      assertIncreasing(indexes);
      assert.ok(client.status.commitIndex >= indexes[499]);
    });

    it('applies a batch before its proposal resolves', async (t) => {
      const log = await open(t);
      const client = await log.connect();
      let last = 0n;
      client.subscribe(0n, {
        apply: (index) => {
          last = index;
        },
      });
      await Promise.all(
        Array.from({ length: 200 }, async () => {
          const index = await client.propose(bytes('x'));
          assert.ok(last >= index, `resolved at ${index} when only ${last} was applied`);
        }),
      );
    });

    it('gives every subscriber the same entries, wherever they were proposed', async (t) => {
      const log = await open(t);
      const clients = await Promise.all([log.connect(), log.connect(), log.connect()]);
      const seen = clients.map((client) => record(client, 0n));
      const proposals = Array.from({ length: 300 }, (_, i) => clients[i % 3].propose(bytes(`batch ${i}`)));
      const indexes = await Promise.all(proposals);
      const last = indexes.sort((a, b) => Number(a - b))[299];
      await Promise.all(seen.map((log) => log.until(last)));
      assert.equal(seen[0].entries.length, 300);
      assert.deepEqual(seen[1].entries, seen[0].entries);
      assert.deepEqual(seen[2].entries, seen[0].entries);
    });

    it('starts a subscription in the middle', async (t) => {
      const log = await open(t);
      const client = await log.connect();
      const indexes: bigint[] = [];
      for (let i = 0; i < 50; i++) indexes.push(await client.propose(bytes(`batch ${i}`)));
      const late = record(await log.connect(), indexes[29]);
      await late.until(indexes[49]);
      assert.deepEqual(
        late.entries,
        Array.from({ length: 20 }, (_, i) => `${indexes[30 + i]} batch ${30 + i}`),
      );
    });

    it('has everything that it acknowledged after a crash, and goes on behind it', async (t) => {
      const first = await start(t);
      const client = await first.connect();
      const failed = client.failed;
      const acknowledged: string[] = [];
      const storm = Array.from({ length: 400 }, async (_, i) => {
        const index = await client.propose(bytes(`batch ${i}`));
        acknowledged.push(`${index} batch ${i}`);
        if (acknowledged.length === 100) await first.crash();
      });
      const results = await Promise.allSettled(storm);
      if (results.some((result) => result.status === 'rejected')) assert.match((await failed).message, /ended/);
      assert.ok(acknowledged.length >= 100);

      const again = await open(t);
      const later = record(await again.connect(), 0n);
      const next = await (await again.connect()).propose(bytes('after'));
      await later.until(next);
      assert.deepEqual(later.entries.slice(0, acknowledged.length), acknowledged);
      assert.equal(later.entries.at(-1), `${next} after`);
    });

    it('starts a new term in each life', async (t) => {
      const first = await start(t);
      const before = (await first.connect()).status.term;
      await first.close();
      assert.ok((await (await open(t)).connect()).status.term > before);
    });

    it('feeds a subscriber that lags within its window, however long the backlog is', async (t) => {
      const log = await open(t);
      const proposer = await log.connect();
      const batchBytes = 50_000;
      for (let i = 0; i < 400; i += 50) {
        await Promise.all(Array.from({ length: 50 }, () => proposer.propose(new Uint8Array(batchBytes))));
      }
      const slow = await log.connect();
      const window = { entries: 16, bytes: 10 * batchBytes };
      let outstanding = 0;
      let worst = 0;
      let total = 0;
      const done = Promise.withResolvers<void>();
      const subscription = slow.subscribe(
        0n,
        {
          apply: () => {
            worst = Math.max(worst, ++outstanding);
            if (++total === 420) done.resolve();
          },
          delivered: (index) => {
            setImmediate(() => {
              outstanding = 0;
              subscription.acknowledge(index);
            });
          },
        },
        { window, acknowledge: 'manual' },
      );
      // What is committed meanwhile comes behind the backlog, in order.
      for (let i = 0; i < 20; i++) await proposer.propose(new Uint8Array(batchBytes));
      await done.promise;
      assert.ok(worst <= 11, `${worst} entries were on their way`);
    });

    it('holds a proposal back until a lagging proposer was handed its own entry', async (t) => {
      const log = await open(t);
      const client = await log.connect();
      for (let i = 0; i < 50; i++) await client.propose(bytes(`old ${i}`));
      const applied: string[] = [];
      client.subscribe(
        0n,
        { apply: (_, batch) => applied.push(text(batch)) },
        { window: { entries: 4, bytes: 1_000 } },
      );
      await client.propose(bytes('new'));
      assert.equal(applied.length, 51);
      assert.equal(applied[50], 'new');
    });

    it('refuses a subscriber whose position is not in the log', async (t) => {
      const client = await (await open(t)).connect();
      client.subscribe(1_000n, { apply: () => assert.fail('nothing can follow') });
      assert.equal((await client.failed).name, 'LogGapError');
      await assert.rejects(client.propose(bytes('x')), { code: 'LOG_GAP' });
    });

    it('rejects beyond its bound of waiting proposals, and takes more when they are through', async (t) => {
      const client = await (await open(t)).connect();
      const results = await Promise.allSettled(Array.from({ length: 6_000 }, () => client.propose(bytes('x'))));
      const refused = results.filter((result) => result.status === 'rejected');
      assert.ok(refused.length > 0 && refused.length < 6_000);
      for (const { reason } of refused) assert.equal(reason.code, 'LOG_OVERLOADED');
      await client.propose(bytes('more'));
    });

    it('copies a batch that is part of a larger buffer and leaves the rest alone', async (t) => {
      const client = await (await open(t)).connect();
      const seen = record(client, 0n);
      const pool = Buffer.from('..batch..');
      const index = await client.propose(pool.subarray(2, 7));
      assert.deepEqual(seen.entries, [`${index} batch`]);
      assert.equal(pool.toString(), '..batch..');
    });

    it('finishes what was proposed when a client closes, then rejects', async (t) => {
      const log = await open(t);
      const client = await log.connect();
      const proposals = Array.from({ length: 100 }, (_, i) => client.propose(bytes(`batch ${i}`)));
      await client.close();
      await client.close();
      assertIncreasing(await Promise.all(proposals));
      assert.equal(client.mayAnswer(), false);
      await assert.rejects(client.propose(bytes('late')), { code: 'LOG_CLOSED' });
      const other = await log.connect();
      await other.propose(bytes('the log runs on'));
    });

    it('settles every proposal when the log closes, and has what it acknowledged', async (t) => {
      const log = await start(t);
      const client = await log.connect();
      assert.equal(client.mayAnswer(), true);
      const proposals = Promise.allSettled(Array.from({ length: 300 }, (_, i) => client.propose(bytes(`batch ${i}`))));
      await log.close();
      const results = await proposals;
      for (const result of results) {
        if (result.status === 'rejected') assert.match(result.reason.code, /LOG_CLOSED|UNCERTAIN/);
      }
      assert.equal(client.mayAnswer(), false);
      await assert.rejects(client.propose(bytes('late')), { code: 'LOG_CLOSED' });

      const kept = results.filter((result) => result.status === 'fulfilled').map((result) => result.value);
      const seen = record(await (await open(t)).connect(), 0n);
      if (kept.length > 0) await seen.until(kept.at(-1)!);
    });

    it('loses a message to itself and to nobody, and refuses one that is too long', async (t) => {
      const log = await open(t);
      const client = await log.connect();
      const heard: unknown[] = [];
      const stop = client.onMessage((...message) => heard.push(message));
      const pool = Buffer.from('..message..');
      client.send(client.status.self, pool.subarray(2, 9));
      client.send('00000000-0000-4000-8000-000000000000', bytes('x'));
      client.send('nobody', new Uint8Array(MAX_MEMBER_MESSAGE_BYTES));
      assert.throws(() => client.send('nobody', new Uint8Array(MAX_MEMBER_MESSAGE_BYTES + 1)), RangeError);
      assert.equal(pool.toString(), '..message..');
      await client.propose(bytes('behind them'));
      assert.deepEqual(heard, []);
      stop();
      stop();
      await client.close();
      client.send('nobody', bytes('late'));
    });

    it('stops a client whose state machine throws', async (t) => {
      const client = await (await open(t)).connect();
      client.subscribe(0n, {
        apply: () => {
          throw new Error('cannot read this');
        },
      });
      await assert.rejects(client.propose(bytes('x')), /cannot read this/);
      assert.match((await client.failed).message, /cannot read this/);
      assert.equal(client.mayAnswer(), false);
    });
  });
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(batch: Uint8Array): string {
  return new TextDecoder().decode(batch);
}

/** Collects what a client is handed behind `after`, as "index text". */
export function record(client: LogClient, after: bigint): { entries: string[]; until(index: bigint): Promise<void> } {
  const entries: string[] = [];
  let position = after;
  let waiting: { index: bigint; resolve: () => void } | undefined;
  client.subscribe(after, {
    apply: (index, batch) => entries.push(`${index} ${text(batch)}`),
    delivered: (index) => {
      position = index;
      if (waiting && position >= waiting.index) waiting.resolve();
    },
  });
  return {
    entries,
    until: async (index) => {
      if (position >= index) return;
      await new Promise<void>((resolve) => {
        waiting = { index, resolve };
      });
    },
  };
}

function assertIncreasing(indexes: readonly bigint[]): void {
  for (let i = 1; i < indexes.length; i++)
    assert.ok(indexes[i] > indexes[i - 1], `${indexes[i]} after ${indexes[i - 1]}`);
}
