/**
 * The C programs of the benchmark, compiled on demand into bench/build/: the load generator, the echo and the copy must never be
 * slower than what they measure.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const HERE = import.meta.dirname;
const BUILD = join(HERE, 'build');
const FLAGS = ['-O2', '-D_GNU_SOURCE', '-Wall', '-Wextra'];

/** @returns the path of the load generator. */
export function compileLoad(): string {
  const parts = readdirSync(join(HERE, 'load')).map((name) => join(HERE, 'load', name));
  return compile('load', [join(HERE, 'load.c'), ...parts]);
}

/** @returns the path of the bare echo. */
export function compileEcho(): string {
  return compile('echo', [join(HERE, 'echo.c')]);
}

/** @returns the path of the bare copy. */
export function compileCopy(): string {
  return compile('copy', [join(HERE, 'transfer', 'copy.c')]);
}

function compile(name: string, files: string[]): string {
  const program = join(BUILD, name);
  const built = statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (files.some((file) => statSync(file).mtimeMs > built)) {
    mkdirSync(BUILD, { recursive: true });
    const sources = files.filter((file) => file.endsWith('.c'));
    execFileSync('cc', [...FLAGS, '-o', program, ...sources], { stdio: 'inherit' });
  }
  return program;
}
