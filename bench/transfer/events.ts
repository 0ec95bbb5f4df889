import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

/** How often a program is asked that does not tell by itself. */
const POLL_MS = 20;

/** Waits for the line `{"event":NAME,...}`, and yields that. */
export function announced(child: ChildProcess, name: string): Promise<Record<string, unknown>> {
  return new Promise((resolve) => {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const said = line.startsWith('{') ? JSON.parse(line) : {};
      if (said.event === name) resolve(said);
    });
  });
}

/** Asks until it is so; a program that does not answer yet is asked again. Nobody is kept waiting for it. */
export async function polled(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo().catch(() => false))) await delay(POLL_MS, undefined, { ref: false });
}
