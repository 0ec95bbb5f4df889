import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** The wall clock of one process, which a test may step at any time. */
export interface SteppedClock {
  /** For the process whose clock it is to be. */
  readonly env: NodeJS.ProcessEnv;
  /** From now on its wall clock is off by so much. */
  step(seconds: number): void;
}

/** For a test's `skip`: a wall clock can be stepped for one process on Linux, where there is a C compiler. */
export function noSteppedClock(): string | false {
  if (process.platform === 'linux' && spawnSync('cc', ['--version']).status === 0) return false;
  const reason = 'needs Linux and a C compiler; apt-get install gcc libc6-dev';
  if (process.env.CI === 'true') throw new Error(reason);
  return reason;
}

export async function steppedClock(t: TestContext): Promise<SteppedClock> {
  const folder = await mkdtemp(join(tmpdir(), 'swarmkeeper-clock-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const library = join(folder, 'stepped-clock.so');
  const source = join(import.meta.dirname, 'stepped-clock.c');
  execFileSync('cc', [
    '-O2',
    '-D_GNU_SOURCE',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-shared',
    '-fPIC',
    '-o',
    library,
    source,
  ]);
  const file = join(folder, 'seconds');
  const step = (seconds: number) => {
    // Written over in place: the process has it mapped.
    writeFileSync(file, new BigInt64Array([BigInt(seconds)]), { flag: 'r+' });
  };
  writeFileSync(file, new Uint8Array(8));
  return { env: { LD_PRELOAD: library, STEPPED_CLOCK: file }, step };
}
