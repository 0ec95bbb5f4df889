import { setPriority } from 'node:os';

/** Between "above normal" and "high". */
const PRECEDENCE = -10;

/**
 * On a machine that is too busy, keepalives, votes and the lease come first, if the system lets us: a master that cannot speak in
 * time is replaced. Only for members with a vote: a newcomer that fetches the whole log must not hold up who is asked.
 *
 * On Linux this is the priority of the calling thread, and of those that it starts; elsewhere it would be the process's.
 */
export function takePrecedence(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(0, PRECEDENCE);
  } catch {
    // Only the superuser may.
  }
}
