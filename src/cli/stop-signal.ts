import { EXIT_FAILED } from './command-error.ts';

/** Ctrl-C reaches every process of the terminal, and npm passes it on as well: what comes this close is the same one. */
const SAME_SIGNAL_MS = 500;

/**
 * Settles when the process is to stop: at SIGINT, SIGTERM, or, for a process that was started with an IPC channel, when that
 * closes, because whoever would stop it is gone. A later signal ends the process at once.
 */
export function stopSignal(): Promise<undefined> {
  return new Promise((resolve) => {
    let firstAtMs: number | undefined;
    const stop = () => {
      firstAtMs ??= performance.now();
      if (performance.now() - firstAtMs > SAME_SIGNAL_MS) process.exit(EXIT_FAILED);
      resolve(undefined);
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
    // Without a channel there is no `send`; with one that closed already, there is.
    if (process.send === undefined) return;
    if (!process.connected) resolve(undefined);
    process.once('disconnect', () => resolve(undefined));
    // Waiting for its end is no reason to live on.
    process.channel?.unref();
  });
}
