import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { build } from 'vite';
import { temporaryFolder } from '../../test/harness/start-swarmkeeper.ts';
import { firstLoadBudget } from './first-load-budget.ts';
import { precompressed } from './precompressed.ts';
import { swapIn } from './swap-in.ts';

/** Builds a page with one script into `out`, as the build of the pages does it. */
async function buildPage(folder: string, { script = 'console.log(1)', budget = 150_000 } = {}): Promise<string> {
  const root = join(folder, 'site');
  const out = join(folder, 'out');
  const underWay = `${out}.1`;
  await mkdir(root, { recursive: true });
  await writeFile(join(root, 'index.html'), '<!doctype html><script type="module" src="/main.js"></script>');
  await writeFile(join(root, 'main.js'), script);
  await build({
    root,
    configFile: false,
    logLevel: 'silent',
    plugins: [firstLoadBudget(budget), precompressed(), swapIn(underWay, out)],
    build: { outDir: underWay, emptyOutDir: true },
  });
  return out;
}

/** Compressed it stays as large. */
function noise(bytes: number): string {
  return Array.from({ length: bytes / 8 }, () => Math.random().toString(36).slice(2, 10)).join('');
}

test('each file has compressed copies beside it', async () => {
  await using folder = await temporaryFolder();
  const out = await buildPage(folder.path, { script: 'console.log("a script")' });
  const [name] = (await readdir(join(out, 'assets'))).filter((each) => each.endsWith('.js'));
  const script = await readFile(join(out, 'assets', name));
  assert.match(script.toString(), /a script/);
  assert.deepEqual(brotliDecompressSync(await readFile(join(out, 'assets', `${name}.br`))), script);
  assert.deepEqual(gunzipSync(await readFile(join(out, 'assets', `${name}.gz`))), script);
  assert.ok((await readdir(out)).includes('index.html.br'));
});

test('a page that loads more than its budget is not built, and the former one stays', async () => {
  await using folder = await temporaryFolder();
  const out = await buildPage(folder.path);
  const before = await readdir(join(out, 'assets'));
  const script = `console.log(${JSON.stringify(noise(20_000))})`;
  await assert.rejects(
    buildPage(folder.path, { script, budget: 5_000 }),
    /index\.html loads \d+ bytes compressed; 5000/,
  );
  assert.deepEqual(await readdir(join(out, 'assets')), before);
});

test('a new build takes the place of the former one, of which nothing is left', async () => {
  await using folder = await temporaryFolder();
  const out = await buildPage(folder.path);
  const before = await readdir(join(out, 'assets'));
  await buildPage(folder.path, { script: 'console.log("another")' });
  const after = await readdir(join(out, 'assets'));
  assert.ok(after.every((name) => !before.includes(name)));
  assert.deepEqual((await readdir(folder.path)).sort(), ['out', 'site']);
});
