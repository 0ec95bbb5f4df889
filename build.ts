// Part of npm run build: src/ as JavaScript in dist/, for the published package. A checkout runs src/ itself.
// dist/web stays: the pages have a build of their own (web/vite.config.ts), and instances may be serving them.

import { spawnSync } from 'node:child_process';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const root = import.meta.dirname;

const dist = join(root, 'dist');
await mkdir(dist, { recursive: true });
for (const name of await readdir(dist)) {
  if (name !== 'web') await rm(join(dist, name), { recursive: true, force: true });
}
const tsc = join(createRequire(import.meta.url).resolve('typescript/package.json'), '../bin/tsc');
const { status } = spawnSync(process.execPath, [tsc, '--project', join(root, 'tsconfig.build.json')], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
