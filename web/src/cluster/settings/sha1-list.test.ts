import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inRequests, MAX_SHA1S, parseSha1List } from './sha1-list.ts';

const A = 'a'.repeat(40);
const B = '0123456789'.repeat(4);

test('sha1s are read from lines, commas, capitals and magnet links, each once', () => {
  const text = ` ${A.toUpperCase()},${B}\n${A}; magnet:?xt=urn:btih:${B}&dn=x\n`;
  assert.deepEqual(parseSha1List(text), { sha1s: [A, B], strangers: [] });
});

test('what is no sha1 is told', () => {
  const text = `${A.slice(1)} ${A}b film.mkv ${A}&x magnet:?dn=${A} ${B}`;
  assert.deepEqual(parseSha1List(text), {
    sha1s: [B],
    strangers: [A.slice(1), `${A}b`, 'film.mkv', `${A}&x`, `magnet:?dn=${A}`],
  });
  assert.deepEqual(parseSha1List(' \n'), { sha1s: [], strangers: [] });
});

test('a long list becomes several requests', () => {
  const sha1s = Array.from({ length: 2 * MAX_SHA1S + 1 }, (_, i) => i.toString(16).padStart(40, '0'));
  const requests = inRequests(sha1s);
  assert.deepEqual(
    requests.map(({ length }) => length),
    [MAX_SHA1S, MAX_SHA1S, 1],
  );
  assert.deepEqual(requests.flat(), sha1s);
  assert.deepEqual(inRequests([]), []);
});
