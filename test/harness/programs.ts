import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Outside programs that tests drive, and the Debian package that brings each. */
const PACKAGES = {
  aria2c: 'aria2',
  cc: 'gcc',
  chromium: 'chromium',
  ip: 'iproute2',
  opentracker: 'opentracker',
  'transmission-cli': 'transmission-cli',
  'transmission-create': 'transmission-cli',
  'transmission-daemon': 'transmission-daemon',
} as const;

export type Program = keyof typeof PACKAGES;

/**
 * For a test's `skip`: what is missing and how to install it, or false when all are there.
 * @example test('aria2 fetches a file', { skip: missingPrograms('aria2c') }, async () => ...)
 * @throws under CI=true, where nothing may be missing
 */
export function missingPrograms(...programs: Program[]): string | false {
  const missing = programs.filter((program) => findProgram(program) === undefined);
  return whenMissing(
    missing,
    missing.map((program) => PACKAGES[program]),
  );
}

/** The same for libtorrent, which is no program but a library of the system's Python. */
export function missingLibtorrent(): string | false {
  const found = spawnSync(SYSTEM_PYTHON, ['-c', 'import libtorrent']).status === 0;
  return whenMissing(found ? [] : ['libtorrent for Python'], ['python3-libtorrent']);
}

/** Debian's Python, which sees Debian's libraries; another one may come first on the PATH. */
export const SYSTEM_PYTHON = '/usr/bin/python3';

/** The program's file, from the PATH or the folders of system programs. */
export function findProgram(program: Program): string | undefined {
  return [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
    .map((folder) => join(folder, program))
    .find(isExecutable);
}

function whenMissing(missing: readonly string[], packages: readonly string[]): string | false {
  if (missing.length === 0) return false;
  const message = `missing: ${missing.join(', ')}; apt-get install ${[...new Set(packages)].join(' ')}`;
  if (process.env.CI === 'true') throw new Error(message);
  return message;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
