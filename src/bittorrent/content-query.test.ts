import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeUrlData, readUrlData } from './bep41.ts';
import { type ContentQuery, formatContentQuery, MAX_CONTENT_NAME_BYTES, parseContentQuery } from './content-query.ts';

const validName = fc
  .string({ unit: 'binary', minLength: 1 })
  .filter((name) => !/\p{Cc}/u.test(name) && new TextEncoder().encode(name).length <= MAX_CONTENT_NAME_BYTES);
const content = fc.record({ name: validName, size: fc.maxSafeNat() }, { requiredKeys: [] });

test('name and size survive the way through URL data', () => {
  fc.assert(
    fc.property(content, (expected) => {
      const options = encodeUrlData(`/announce${formatContentQuery(expected)}`);
      const urlData = readUrlData(options, 0, options.length)!;
      assert.deepEqual(parseContentQuery(urlData), { ...expected } satisfies ContentQuery);
    }),
  );
});

test('the query is found behind path and other keys, and the first valid value counts', () => {
  assert.deepEqual(parseContentQuery('/announce?x=1&name=a%20b&y&size=5&size=6&name=c'), { name: 'a b', size: 5 });
  assert.deepEqual(parseContentQuery('?size=x&size=7&name=%ff&name=d'), { name: 'd', size: 7 });
  for (const none of ['', '/announce', 'name=a&size=1', '?', '?&&', '?filename=a&Size=1']) {
    assert.deepEqual(parseContentQuery(none), {}, none);
  }
});

test('a name that is not 1 to 255 bytes of well-formed UTF-8 without control characters is ignored', () => {
  const bad = ['', '%', '%zz', '%00', '%0a', '%7f', '%c2%85', '%ff', '%c0%80', '%ed%a0%80', '%e2%82', 'x'.repeat(256)];
  for (const name of bad) assert.deepEqual(parseContentQuery(`?name=${name}&size=1`), { size: 1 }, name);
  assert.deepEqual(parseContentQuery(`?name=${'x'.repeat(255)}`), { name: 'x'.repeat(255) });
  assert.deepEqual(parseContentQuery('?name=%ef%bb%bf+%e2%82%ac'), { name: '\ufeff+€' });
});

test('a size that is not a plain safe integer is ignored', () => {
  for (const size of ['', '-1', '+1', '1.5', '1e3', '0x10', '01', ' 1', '%31', '9007199254740992', '9'.repeat(400)]) {
    assert.deepEqual(parseContentQuery(`?size=${size}`), {}, size);
  }
  assert.deepEqual(parseContentQuery('?size=0'), { size: 0 });
  assert.deepEqual(parseContentQuery('?size=9007199254740991'), { size: Number.MAX_SAFE_INTEGER });
});

test('arbitrary text is never an exception', () => {
  const text = fc
    .array(
      fc.oneof(fc.constantFrom('?', '&', '=', 'name=', 'size=', '%', '%41', '%c3', '9'), fc.string({ unit: 'binary' })),
    )
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, (urlData) => {
      const { name, size } = parseContentQuery(urlData);
      assert.ok(name === undefined || (name.length > 0 && !/\p{Cc}/u.test(name)));
      assert.ok(size === undefined || (Number.isSafeInteger(size) && size >= 0));
    }),
    { numRuns: 2000 },
  );
});
