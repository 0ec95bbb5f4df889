import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../test/harness/start-swarmkeeper.ts';
import { ADMIN_TOKEN_VARIABLE, adminToken } from './admin-token.ts';

const TOKEN = 'correct-horse-battery';

test('the token comes from the file, else from the environment, else there is none', async (t) => {
  t.after(() => delete process.env[ADMIN_TOKEN_VARIABLE]);
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'token');
  await writeFile(file, `${TOKEN}\n`);
  assert.equal(await adminToken(undefined), undefined);
  process.env[ADMIN_TOKEN_VARIABLE] = 'another-token-of-16';
  assert.equal(await adminToken(undefined), 'another-token-of-16');
  assert.equal(await adminToken(file), TOKEN);
});

test('a token that is missing, short or not one word is refused', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'token');
  await assert.rejects(adminToken(file), { code: 'BAD_ADMIN_TOKEN', message: /cannot be read/ });
  for (const bad of ['', 'short', 'two words in one line', 'ünicode-token-of-some-length']) {
    await writeFile(file, bad);
    await assert.rejects(adminToken(file), { code: 'BAD_ADMIN_TOKEN', message: /at least 16/ });
  }
});
