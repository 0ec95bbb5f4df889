/** How much of the processors others used while a benchmark ran with all its programs: too much, and it proves little. */
import { readFileSync } from 'node:fs';
import { runningPids } from './program.ts';

/** The kernel counts in these (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** Above this share of one core used by others, reports say so. */
export const NOISY_SHARE = 0.05;

/** Begins to count. The result tells the share of one core that others have used since. */
export function watchOthers(): () => number {
  const began = performance.now();
  const before = othersTicks();
  return () => {
    const seconds = (performance.now() - began) / 1000;
    return Math.max(0, (othersTicks() - before) / TICKS_PER_SECOND / seconds);
  };
}

function othersTicks(): number {
  return allTicks() - ['self', ...runningPids()].map(treeTicks).reduce((sum, one) => sum + one, 0);
}

/** Time in interrupts belongs to nobody: much of it is the benchmark's own traffic. */
function allTicks(): number {
  const [user, nice, system, , , , , steal] = readFileSync('/proc/stat', 'utf8').split(/\s+/, 9).slice(1).map(Number);
  return user! + nice! + system! + (steal ?? 0);
}

/** Of a process and those of its children that have ended; 0 when it has ended itself, because its parent has that then. */
function treeTicks(pid: number | string): number {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return 0;
  }
  // utime, stime, cutime, cstime: fields 14 to 17; the name before may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields
    .slice(11, 15)
    .map(Number)
    .reduce((sum, one) => sum + one, 0);
}

export function noiseLines(othersShare: number): string[] {
  if (othersShare < NOISY_SHARE) return [];
  const percent = Math.round(othersShare * 100);
  return [`NOISY: others took ${percent} % of a core on average; repeat on a quiet machine`];
}
