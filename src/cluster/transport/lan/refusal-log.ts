import { REFUSALS, type TransportCounters } from '../member-transport.ts';
import { MAX_WARN_MS, WARN_MS, WORTH_A_WARNING } from './bounds.ts';

/** Sums up what was refused, at most every WARN_MS: neither a flood nor a stubborn neighbour may fill the log. */
export class RefusalLog {
  readonly #counters: TransportCounters;
  readonly #warn: (message: string) => void;
  #reported: TransportCounters;
  #reportAt = 0;
  #pauseMs = WARN_MS;

  constructor(counters: TransportCounters, warn: (message: string) => void) {
    this.#counters = counters;
    this.#warn = warn;
    this.#reported = { ...counters };
  }

  tick(now: number): void {
    if (now < this.#reportAt) return;
    const news = REFUSALS.map(({ counter, what }) => ({
      count: this.#counters[counter] - this.#reported[counter],
      what,
    }));
    const refused = news.filter(({ count }) => count > 0).map(({ count, what }) => `${count} ${what}`);
    if (refused.length === 0) {
      this.#pauseMs = WARN_MS;
      return;
    }
    if (news.reduce((sum, { count }) => sum + count, 0) < WORTH_A_WARNING) return;
    this.#warn(`refused from the members' network: ${refused.join(', ')}`);
    this.#reported = { ...this.#counters };
    this.#reportAt = now + this.#pauseMs;
    this.#pauseMs = Math.min(this.#pauseMs * 2, MAX_WARN_MS);
  }
}
