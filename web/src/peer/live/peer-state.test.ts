import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effect } from '@preact/signals';
import type { PeerContentView, PeerSnapshot, ShareView } from '../../../../src/api/peer/peer-schemas.ts';
import { MAX_SAMPLES as API_SAMPLES } from '../../../../src/api/peer/peer-schemas.ts';
import { MAX_SAMPLES, PeerState } from './peer-state.ts';

const content = (sha1: string, bytesDone = 0) => ({ sha1, bytesDone }) as PeerContentView;
const share = (id: number, state: ShareView['state'] = 'hashing') => ({ id, state }) as ShareView;

function snapshot(told: Partial<PeerSnapshot> = {}): PeerSnapshot {
  const peer = { port: 1 } as PeerSnapshot['peer'];
  return { peer, contents: [], shares: [], transfer: { at: 0, samples: [], downloaded: 0, uploaded: 0 }, ...told };
}

const sha1s = ({ contents }: PeerState) => contents.value.map(({ value }) => value.sha1);

test('contents come and go, the newest first', () => {
  const state = new PeerState();
  state.snapshot(snapshot({ contents: [content('a'), content('b')] }));
  assert.deepEqual(sha1s(state), ['b', 'a']);
  state.changes({ contents: [content('c')], removedContents: ['a'] });
  assert.deepEqual(sha1s(state), ['c', 'b']);
  state.snapshot(snapshot({ contents: [content('b', 5)] }));
  assert.deepEqual(sha1s(state), ['b']);
  assert.equal(state.content('b')?.value.bytesDone, 5);
  assert.equal(state.content('c'), undefined);
});

test('a change of one content is told to who follows that one, not to who follows the list or another', () => {
  const state = new PeerState();
  state.snapshot(snapshot({ contents: [content('a'), content('b')] }));
  const runs = { list: 0, a: 0, b: 0 };
  const stops = [
    effect(() => {
      runs.list += state.contents.value.length > 0 ? 1 : 0;
    }),
    effect(() => {
      runs.a += state.content('a')!.value ? 1 : 0;
    }),
    effect(() => {
      runs.b += state.content('b')!.value ? 1 : 0;
    }),
  ];
  state.changes({ contents: [content('a', 1)] });
  state.changes({ contents: [content('a', 2)] });
  assert.deepEqual(runs, { list: 1, a: 3, b: 1 });
  for (const stop of stops) stop();
});

test('shares change in their place, and go', () => {
  const state = new PeerState();
  state.snapshot(snapshot({ shares: [share(1), share(2)] }));
  state.changes({ shares: [share(1, 'done'), share(3)] });
  assert.deepEqual(
    state.shares.value.map(({ id, state }) => [id, state]),
    [
      [1, 'done'],
      [2, 'hashing'],
      [3, 'hashing'],
    ],
  );
  state.changes({ removedShares: [2] });
  assert.deepEqual(
    state.shares.value.map(({ id }) => id),
    [1, 3],
  );
});

test('samples are added at the end, and the oldest go', () => {
  assert.equal(MAX_SAMPLES, API_SAMPLES);
  const state = new PeerState();
  const samples = Array.from({ length: MAX_SAMPLES }, (_, i): [number, number] => [i, 0]);
  state.snapshot(snapshot({ transfer: { at: 1, samples, downloaded: 1, uploaded: 0 } }));
  state.changes({ transfer: { at: 2, samples: [[7, 8]], downloaded: 2, uploaded: 8 } });
  const { at, samples: kept, downloaded } = state.transfer.value!;
  assert.deepEqual([at, kept.length, kept[0], kept.at(-1), downloaded], [2, MAX_SAMPLES, [1, 0], [7, 8], 2]);
});
