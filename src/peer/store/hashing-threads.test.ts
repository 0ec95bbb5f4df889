import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { HashingThreads } from './hashing-threads.ts';

it('A piece that waits for another one when the threads end is refused, and starts none', async () => {
  const threads = new HashingThreads();
  const verified = threads.verify({ bytes: new Uint8Array(new SharedArrayBuffer(1)), hash: new Uint8Array(20) });
  const checked = threads.check('0'.repeat(40), 0);
  const refused = Promise.all([verified, checked].map((each) => assert.rejects(each, { code: 'STORE_CLOSED' })));
  await threads.end();
  await refused;
});

it('Threads can be ended at any moment of their start', async () => {
  for (let ms = 0; ms < 150; ms += 5) {
    const threads = new HashingThreads();
    threads.start();
    await sleep(ms);
    await threads.end();
  }
});
