/** A client that never pauses, whatever its server does: a new request every few milliseconds. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Acknowledgements } from './acknowledgements.ts';

/** All clients keep this pace; a gap is known to within it. */
export const REQUEST_EVERY_MS = 4;

/** A client is of use when it was acknowledged so often. */
const STEADY_ACKNOWLEDGEMENTS = 50;

const STEADY_DEADLINE_MS = 30_000;
const POLL_MS = 1;

export interface Client {
  /** Where it asks, as the report calls it. */
  readonly view: string;
  readonly acknowledgements: Acknowledgements;
  readonly pace: Pace;
  close(): void;
}

/** Calls `request` at the pace of all clients, and says how late the worst call was: the benchmark itself was held up. */
export class Pace {
  worstDelayMs = 0;
  readonly #timer: NodeJS.Timeout;
  #dueMs = performance.now() + REQUEST_EVERY_MS;

  constructor(request: (nowMs: number) => void) {
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      this.worstDelayMs = Math.max(this.worstDelayMs, nowMs - this.#dueMs);
      this.#dueMs = nowMs + REQUEST_EVERY_MS;
      request(nowMs);
    }, REQUEST_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

export class NoAnswerError extends Error {
  readonly code = 'BENCH_NO_ANSWER';
}

/** @throws NoAnswerError when it was not acknowledged often enough in time */
export async function untilSteady({ view, acknowledgements }: Client): Promise<void> {
  const enough = acknowledgements.count + STEADY_ACKNOWLEDGEMENTS;
  await until(`${view}: ${STEADY_ACKNOWLEDGEMENTS} acknowledgements`, () => acknowledgements.count >= enough);
}

/** @throws NoAnswerError when nothing that was sent after `sinceMs` was acknowledged in time */
export async function untilAcknowledgedAgain({ view, acknowledgements }: Client, sinceMs: number): Promise<void> {
  await until(`${view}: an acknowledgement after the fault`, () => acknowledgements.lastSentMs > sinceMs);
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + STEADY_DEADLINE_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new NoAnswerError(`waited ${STEADY_DEADLINE_MS} ms in vain for ${what}`);
    await delay(POLL_MS);
  }
}
