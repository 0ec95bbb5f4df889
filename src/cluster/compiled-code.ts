import { flushCompileCache } from 'node:module';

/**
 * Keeps what this thread has compiled for the next start, where there is a place for it (NODE_COMPILE_CACHE). By itself Node
 * does so at an orderly exit only, and who restarts after a crash is in the greater hurry. To be called once by each thread
 * that lives long.
 */
export function keepCompiledCode(): void {
  setTimeout(() => flushCompileCache(), STARTED_MS).unref();
}

/** By then a thread has loaded what it needs. */
const STARTED_MS = 500;
