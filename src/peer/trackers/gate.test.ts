import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gate } from './gate.ts';

const NEVER = new AbortController().signal;

test('so many are let through at a time, in order, whether they succeed or not', async () => {
  const gate = new Gate(2);
  let inside = 0;
  let most = 0;
  const order: number[] = [];
  const work = (i: number) => async () => {
    order.push(i);
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setImmediate(resolve));
    inside--;
    if (i % 3 === 0) throw new Error('failed');
  };
  await Promise.allSettled(Array.from({ length: 20 }, (_, i) => gate.run(NEVER, work(i))));
  assert.equal(most, 2);
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
  await gate.run(NEVER, work(20));
});

test('who stops waiting takes nobody’s place', async () => {
  const gate = new Gate(1);
  const first = Promise.withResolvers<void>();
  const running = gate.run(NEVER, () => first.promise);
  const leaving = new AbortController();
  const waiting = gate.run(leaving.signal, async () => assert.fail('it had left'));
  const next = gate.run(NEVER, async () => 'done');
  leaving.abort();
  await assert.rejects(waiting, { code: 'STOPPED' });
  await assert.rejects(
    gate.run(leaving.signal, async () => {}),
    { code: 'STOPPED' },
  );
  first.resolve();
  await running;
  assert.equal(await next, 'done');
});
