import { stopped } from './tracker-error.ts';

/**
 * What the promise comes to; undefined when that takes longer.
 * @throws {TrackerError} STOPPED when the signal is raised first; whatever the promise rejects with
 */
export function within<T>(ms: number, signal: AbortSignal, promise: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    const onAbort = () => {
      end();
      reject(stopped(signal));
    };
    // A timer cannot be set for longer; Infinity sets none.
    const timer = ms < LONGEST_TIMER_MS ? setTimeout(() => settle(undefined), ms) : undefined;
    const settle = (value: T | undefined) => {
      end();
      resolve(value);
    };
    promise.then(settle, (error: unknown) => {
      end();
      reject(error);
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort);
  });
}

/** A moment, unless the signal is raised. @throws {TrackerError} STOPPED */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await within(ms, signal, NEVER);
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;
const NEVER = new Promise<never>(() => {});
