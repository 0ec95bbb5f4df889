// npm run build: src/ as JavaScript in dist/, for the published package. A checkout runs src/ itself.

import { spawnSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const root = import.meta.dirname;

await rm(join(root, 'dist'), { recursive: true, force: true });
const tsc = join(createRequire(import.meta.url).resolve('typescript/package.json'), '../bin/tsc');
const { status } = spawnSync(process.execPath, [tsc, '--project', join(root, 'tsconfig.build.json')], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
