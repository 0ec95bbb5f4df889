import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PeerContentView } from '../../../../src/api/peer/peer-schemas.ts';
import { isIn, magnetLink, progressOf, stateOf, timeLeft } from './content-words.ts';

const SHA1 = 'ab'.repeat(20);

function content(told: Partial<PeerContentView>): PeerContentView {
  const numbers = { bytesDone: 0, downloaded: 0, uploaded: 0, downSpeed: 0, upSpeed: 0, peers: 0, size: 1_000 };
  const nothing = { reason: null, seeders: null, leechers: null, trackerError: null, isPrivate: false };
  return { sha1: SHA1, name: 'film', folder: '/', state: 'downloading', ...numbers, ...nothing, ...told };
}

test('the state says why nothing moves', () => {
  assert.equal(stateOf(content({})).label, 'Looking for peers');
  assert.equal(stateOf(content({ peers: 2 })).label, 'Waiting for peers');
  assert.equal(stateOf(content({ peers: 2, downSpeed: 5 })).label, 'Downloading');
  assert.equal(stateOf(content({ state: 'paused' })).label, 'Paused');
  assert.deepEqual(stateOf(content({ state: 'paused', reason: 'the disk is full' })).tone, 'danger');
});

test('progress is unknown before the metadata, and whole for what is shared', () => {
  assert.equal(progressOf(content({ bytesDone: 250 })), 0.25);
  assert.equal(progressOf(content({ state: 'metadata' })), undefined);
  assert.equal(progressOf(content({ size: null })), undefined);
  assert.equal(progressOf(content({ size: 0 })), 1);
  assert.equal(progressOf(content({ state: 'seeding' })), 1);
});

test('the time left is at the speed of this moment, and nothing without one', () => {
  assert.equal(timeLeft(content({ downSpeed: 10 })), '1 min 40 s');
  assert.equal(timeLeft(content({ downSpeed: 10, bytesDone: 1_000 })), '1 s');
  assert.equal(timeLeft(content({ downSpeed: 0 })), undefined);
  assert.equal(timeLeft(content({ downSpeed: 1, size: 1e15 })), 'more than a year');
  assert.equal(timeLeft(content({ downSpeed: 10, state: 'paused' })), undefined);
});

test('a filter and a search leave what fits both', () => {
  const film = content({ name: 'Été à Zürich', state: 'seeding' });
  assert.equal(isIn(film, 'all', 'ZÜRICH'), true);
  assert.equal(isIn(film, 'sharing', 'ete'), false);
  assert.equal(isIn(film, 'downloading', ''), false);
  assert.equal(isIn(film, 'all', 'ABAB'), true);
  assert.equal(isIn(content({ state: 'metadata', name: null }), 'downloading', 'abab'), true);
  assert.equal(isIn(content({ state: 'paused' }), 'paused', 'b'), false);
});

test('a magnet link takes any name', () => {
  assert.equal(magnetLink({ sha1: SHA1, name: null }), `magnet:?xt=urn:btih:${SHA1}`);
  assert.equal(
    magnetLink({ sha1: SHA1, name: 'a&b=é\ud800' }),
    `magnet:?xt=urn:btih:${SHA1}&dn=a%26b%3D%C3%A9%EF%BF%BD`,
  );
});
