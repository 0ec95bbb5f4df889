import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { MAX_QUEUED, UploadQueue } from './upload-queue.ts';

const file = (name: string) => ({ name }) as File;

test('files are sent one after the other, in their order, and one that waits can be taken out', async () => {
  const sent: string[] = [];
  let done = () => {};
  const queue = new UploadQueue(async ({ name }) => {
    sent.push(name);
    await new Promise<void>((resolve) => {
      done = resolve;
    });
  });
  queue.add([file('a'), file('b')]);
  queue.add([file('c')]);
  assert.deepEqual(sent, ['a']);
  assert.deepEqual(
    queue.waiting.value.map(({ file }) => file.name),
    ['b', 'c'],
  );
  queue.remove(queue.waiting.value[0].id);
  done();
  await turn();
  assert.deepEqual(sent, ['a', 'c']);
  assert.equal(queue.isBusy, true);
  done();
  await turn();
  assert.equal(queue.isBusy, false);
  queue.add([file('d')]);
  assert.deepEqual(sent, ['a', 'c', 'd']);
});

test('what has no room is told', () => {
  const queue = new UploadQueue(() => new Promise(() => {}));
  const files = Array.from({ length: MAX_QUEUED + 5 }, (_, i) => file(String(i)));
  assert.equal(queue.add(files), 5);
  assert.ok(queue.waiting.value.length <= MAX_QUEUED);
});
