import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { brotliCompressSync, brotliDecompressSync } from 'node:zlib';
import fastify from 'fastify';
import { temporaryFolder } from '../../test/harness/start-swarmkeeper.ts';
import { type PagesOptions, pages } from './pages.ts';

const PAGE = '<!doctype html><title>cluster</title>';
const SCRIPT = 'console.log("a script")';
const HTML = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

/** Pages as the build leaves them, in `path`; there is another file beside that. */
async function builtPages() {
  const folder = await temporaryFolder();
  const path = join(folder.path, 'web');
  await mkdir(join(path, 'assets'), { recursive: true });
  await writeFile(join(path, 'index.html'), PAGE);
  await writeFile(join(path, 'peer.html'), '<!doctype html><title>peer</title>');
  await writeFile(join(path, 'icon.svg'), '<svg/>');
  await writeFile(join(path, 'assets/index-abc_-1.js'), SCRIPT);
  await writeFile(join(path, 'assets/index-abc_-1.js.br'), brotliCompressSync(SCRIPT));
  await writeFile(join(folder.path, 'outside.js'), 'secret');
  return { path, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

async function serverOf(options: PagesOptions) {
  const app = fastify();
  await app.register(pages(options));
  app.get('/api/v1/cluster', async () => ({ cluster: 'a' }));
  return Object.assign(app, { [Symbol.asyncDispose]: () => app.close() });
}

test('the entry is served at every address that a page can have, with a strict policy', async () => {
  await using folder = await builtPages();
  await using app = await serverOf({ entry: 'index.html', root: folder.path });
  for (const url of ['/', '/contents', `/contents/${'a'.repeat(40)}`, '/settings?x=1', '/peer.html']) {
    const reply = await app.inject({ url, headers: HTML });
    assert.deepEqual([reply.statusCode, reply.body], [200, PAGE], url);
    assert.equal(reply.headers['content-type'], 'text/html; charset=utf-8');
    assert.equal(reply.headers['cache-control'], 'no-cache');
    const policy = String(reply.headers['content-security-policy']);
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; /);
    assert.match(policy, /connect-src 'self';/);
    assert.doesNotMatch(policy, /unsafe/);
  }
});

test('pages may connect to the members that are named, if a policy can name them', async () => {
  await using folder = await builtPages();
  let origins = ['http://192.0.2.7:6969', 'http://[::1]:6969', "http://x; script-src 'unsafe-inline'"];
  await using app = await serverOf({ entry: 'index.html', root: folder.path, connectOrigins: () => origins });
  const policy = async () => (await app.inject({ url: '/', headers: HTML })).headers['content-security-policy'];
  assert.match(String(await policy()), /connect-src 'self' http:\/\/192\.0\.2\.7:6969;/);
  origins = ['http://127.0.0.1:7000'];
  assert.match(String(await policy()), /connect-src 'self' http:\/\/127\.0\.0\.1:7000;/);
});

test('assets come compressed where that is understood, and may be kept for ever', async () => {
  await using folder = await builtPages();
  await using app = await serverOf({ entry: 'index.html', root: folder.path });
  const url = '/assets/index-abc_-1.js';
  const plain = await app.inject({ url });
  assert.deepEqual([plain.body, plain.headers['content-encoding']], [SCRIPT, undefined]);
  assert.match(String(plain.headers['content-type']), /^(text|application)\/javascript/);
  assert.match(String(plain.headers['cache-control']), /immutable/);
  const compressed = await app.inject({ url, headers: { 'accept-encoding': 'gzip, br' } });
  assert.equal(compressed.headers['content-encoding'], 'br');
  assert.match(String(compressed.headers['content-type']), /^(text|application)\/javascript/);
  assert.equal(brotliDecompressSync(compressed.rawPayload).toString(), SCRIPT);
  assert.match(String(compressed.headers.vary), /accept-encoding/i);
  assert.equal((await app.inject('/icon.svg')).headers['cache-control'], 'no-cache');
});

test('programs and the API get 404, and no path leaves the folder', async () => {
  await using folder = await builtPages();
  await using app = await serverOf({ entry: 'index.html', root: folder.path });
  assert.equal((await app.inject('/api/v1/cluster')).statusCode, 200);
  for (const url of ['/api/v1/nothing', '/api/']) {
    assert.equal((await app.inject({ url, headers: HTML })).statusCode, 404, url);
  }
  for (const url of [
    '/nothing',
    '//announce',
    '//',
    '/assets/nothing.js',
    '/../outside.js',
    '/%2e%2e/outside.js',
    '/assets/..%2f..%2foutside.js',
  ]) {
    const reply = await app.inject({ url, headers: { accept: '*/*' } });
    assert.equal(reply.statusCode, 404, url);
    assert.doesNotMatch(reply.body, /secret/);
  }
});

test('where nothing was built the page says what to run, until it is there', async () => {
  await using folder = await temporaryFolder();
  const root = join(folder.path, 'web');
  await using app = await serverOf({ entry: 'index.html', root });
  const missing = await app.inject({ url: '/', headers: HTML });
  assert.equal(missing.statusCode, 503);
  assert.match(missing.body, /npm run build:web/);
  await mkdir(root);
  await writeFile(join(root, 'index.html'), PAGE);
  assert.equal((await app.inject({ url: '/', headers: HTML })).body, PAGE);
});
