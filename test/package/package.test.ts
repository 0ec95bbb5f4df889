import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { ClusterSchema } from '../../src/api/schemas.ts';
import { runSwarmkeeper, startSwarmkeeper, temporaryFolder } from '../harness/start-swarmkeeper.ts';

const ROOT = join(import.meta.dirname, '../..');
/** An installed package runs on the Node of the PATH; here that is the one that runs this test. */
const env = { ...process.env, PATH: `${join(ROOT, 'node_modules/node/bin')}${delimiter}${process.env.PATH}` };

async function npm(folder: string, ...args: string[]): Promise<string> {
  const child = spawn('npm', args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = await once(child, 'close');
  assert.equal(code, 0, `npm ${args.join(' ')} failed:\n${output}`);
  return stdout;
}

test('the packed package, installed into an empty folder, runs', async () => {
  await using folder = await temporaryFolder();
  // `npm pack` builds before it packs.
  const packed = await npm(ROOT, 'pack', '--json', '--pack-destination', folder.path);
  const [{ filename, files }] = JSON.parse(packed.slice(packed.indexOf('[')));
  const paths: string[] = files.map(({ path }: { path: string }) => path);
  const pages = ['dist/web/index.html', 'dist/web/peer.html'];
  for (const wanted of ['bin/swarmkeeper', 'dist/cli/main.js', 'LICENSE', 'package.json', ...pages]) {
    assert.ok(paths.includes(wanted), `${wanted} is missing`);
  }
  const strangers = paths.filter((path) => /\.test\.|^src\/|^test\/|^bench\/|\.ts$/.test(path));
  assert.deepEqual(strangers, []);

  await writeFile(join(folder.path, 'package.json'), '{"private":true}');
  await npm(folder.path, 'install', '--prefer-offline', '--no-audit', '--no-fund', join(folder.path, filename));
  const program = join(folder.path, 'node_modules/.bin/swarmkeeper');

  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  const told = await runSwarmkeeper(['--version'], { program, env });
  assert.deepEqual([told.code, told.stdout], [0, `${version}\n`], told.stderr);
  const help = await runSwarmkeeper(['--help'], { program, env });
  assert.equal(help.code, 0);
  assert.match(help.stdout, /Usage: swarmkeeper/);

  await using instance = await startSwarmkeeper({ program, env });
  const reply = await fetch(`${instance.url}/api/v1/cluster`);
  assert.equal(ClusterSchema.parse(await reply.json()).members.length, 1);
  const page = await fetch(instance.url);
  assert.match(await page.text(), /<div id="app">/);
  const ended = await instance.stop();
  assert.deepEqual([ended.code, ended.stderr], [0, '']);
});
