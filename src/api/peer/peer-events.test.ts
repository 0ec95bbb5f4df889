import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { EventStream } from './event-stream.ts';
import { type PeerEventSources, PeerEvents } from './peer-events.ts';
import { LOOK_MS, type PeerStatus } from './peer-schemas.ts';

/** A listener that notes what it is told, and takes it when it likes. */
class Listener {
  readonly heard: [event: string, data: unknown][] = [];
  isReady = true;
  stayedAlive = 0;
  readonly #closing: (() => void)[] = [];

  send(event: string, json: string): void {
    this.heard.push([event, JSON.parse(json)]);
  }

  stayAlive(): void {
    this.stayedAlive++;
  }

  onClose(listener: () => void): void {
    this.#closing.push(listener);
  }

  close(): void {
    for (const each of this.#closing) each();
  }

  get stream(): EventStream {
    return this as unknown as EventStream;
  }
}

function staged(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const status = { port: 1 } as PeerStatus;
  const shares: { id: number; state: string }[] = [];
  const sources = {
    peer: { contents: [] },
    shares: { all: shares },
    history: { count: 0, view: () => ({ samples: [] }) },
    status: () => status,
  };
  const events = new PeerEvents(sources as unknown as PeerEventSources);
  return { events, shares, look: () => t.mock.timers.tick(LOOK_MS) };
}

test('All that changed since the last look is one message; nothing is told when nothing changed', (t) => {
  const { events, shares, look } = staged(t);
  const listener = new Listener();
  events.listen(listener.stream);
  shares.push({ id: 1, state: 'hashing' }, { id: 2, state: 'hashing' });
  look();
  look();
  shares[0] = { id: 1, state: 'done' };
  shares.pop();
  look();
  assert.deepEqual(listener.heard.slice(1), [
    [
      'changes',
      {
        shares: [
          { id: 1, state: 'hashing' },
          { id: 2, state: 'hashing' },
        ],
      },
    ],
    ['changes', { shares: [{ id: 1, state: 'done' }], removedShares: [2] }],
  ]);
  assert.equal(listener.stayedAlive, 1);
});

test('A listener that does not keep up is told nothing, and then all of it at once; others are not held up', (t) => {
  const { events, shares, look } = staged(t);
  const [slow, quick] = [new Listener(), new Listener()];
  for (const each of [slow, quick]) events.listen(each.stream);
  slow.isReady = false;
  for (let id = 1; id <= 5; id++) {
    shares.push({ id, state: 'hashing' });
    look();
  }
  assert.deepEqual([slow.heard.length, quick.heard.length], [1, 6]);
  slow.isReady = true;
  look();
  const [event, data] = slow.heard.at(-1)!;
  assert.deepEqual([event, (data as { shares: object[] }).shares.length], ['snapshot', 5]);
  look();
  assert.equal(slow.heard.length, 2);
});

test('A listener that did not keep up while nothing happened needs no snapshot', (t) => {
  const { events, look } = staged(t);
  const listener = new Listener();
  events.listen(listener.stream);
  listener.isReady = false;
  look();
  listener.isReady = true;
  look();
  assert.equal(listener.heard.length, 1);
});

test('Whoever comes later begins with what there is, and who goes is told no more', (t) => {
  const { events, shares, look } = staged(t);
  const [first, second] = [new Listener(), new Listener()];
  events.listen(first.stream);
  shares.push({ id: 1, state: 'hashing' });
  events.listen(second.stream);
  assert.deepEqual(first.heard.at(-1)![0], 'changes');
  assert.deepEqual((second.heard[0][1] as { shares: object[] }).shares, [{ id: 1, state: 'hashing' }]);
  first.close();
  shares.push({ id: 2, state: 'hashing' });
  look();
  assert.deepEqual([first.heard.length, second.heard.length], [2, 2]);
});
