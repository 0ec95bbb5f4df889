import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspect } from 'node:util';
import {
  deriveKey,
  formatMemberKey,
  generateMemberKey,
  MemberKeyError,
  parseMemberKey,
  readMemberKey,
} from './member-key.ts';

test('a key survives its file', () => {
  const key = generateMemberKey();
  assert.ok(parseMemberKey(formatMemberKey(key)).equals(key));
  assert.ok(parseMemberKey(`# the key of our cluster\r\n\r\n  ${formatMemberKey(key).toUpperCase()}`).equals(key));
  assert.ok(!generateMemberKey().equals(key));
});

test('what is no key is refused with the reason and the way to make one', () => {
  for (const [text, reason] of [
    ['', /0 of them.*keygen/],
    ['abcdef', /6 of them/],
    ['x'.repeat(64), /something else/],
    [`${'ab1'.repeat(21)}c 0`, /something else/],
    ['00'.repeat(32), /one byte repeated/],
  ] as const) {
    assert.throws(
      () => parseMemberKey(text, 'cluster.key'),
      (error) =>
        error instanceof MemberKeyError && reason.test(error.message) && error.message.startsWith('cluster.key'),
    );
  }
});

test('the file comes before the environment, and a file that cannot be read is an error', () => {
  const folder = mkdtempSync(join(tmpdir(), 'member-key-'));
  const file = join(folder, 'cluster.key');
  const inFile = generateMemberKey();
  const inEnvironment = generateMemberKey();
  writeFileSync(file, formatMemberKey(inFile));
  const environment = { SWARMKEEPER_KEY: formatMemberKey(inEnvironment) };
  assert.ok(readMemberKey(file, environment)?.equals(inFile));
  assert.ok(readMemberKey(undefined, environment)?.equals(inEnvironment));
  assert.equal(readMemberKey(undefined, {}), undefined);
  assert.throws(() => readMemberKey(join(folder, 'none'), environment), /cannot read .*ENOENT/);
  writeFileSync(file, 'a'.repeat(5_000));
  assert.throws(() => readMemberKey(file, {}), /too long/);
  rmSync(folder, { recursive: true });
});

test('every purpose and every cluster name has a key of its own', () => {
  const key = generateMemberKey();
  const derived = [
    deriveKey(key, 'one', 'datagrams'),
    deriveKey(key, 'one', 'connections'),
    deriveKey(key, 'two', 'datagrams'),
    key.export(),
  ].map((bytes) => bytes.toString('hex'));
  assert.equal(new Set(derived).size, 4);
  assert.deepEqual(deriveKey(key, 'one', 'datagrams'), deriveKey(key, 'one', 'datagrams'));
});

test('a key that is printed by mistake shows nothing', () => {
  const key = generateMemberKey();
  assert.ok(!`${inspect(key)} ${JSON.stringify(key)} ${key}`.includes(formatMemberKey(key).slice(0, 8)));
});
