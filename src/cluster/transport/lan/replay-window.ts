import { REPLAY_WINDOW } from './bounds.ts';

/**
 * Which datagrams of one sender were heard: each counter is accepted once, those far behind the newest or below what
 * the sender has proven never (the sliding window of RFC 4303 §3.4.3).
 */
export class ReplayWindow {
  /** Counters up to here were sent before the sender was proven alive. */
  #floor: number;
  #newest: number;
  /** By counter modulo the window: the last one that was heard there. Counters from newest - REPLAY_WINDOW + 1 on are exact. */
  readonly #heard = new Float64Array(REPLAY_WINDOW).fill(-1);

  constructor(floor: number) {
    this.#floor = floor;
    this.#newest = floor;
  }

  /** True once for every counter that is new. */
  accept(counter: number): boolean {
    if (counter <= this.#floor || counter <= this.#newest - REPLAY_WINDOW) return false;
    const slot = counter % REPLAY_WINDOW;
    if (this.#heard[slot] === counter) return false;
    this.#heard[slot] = counter;
    if (counter > this.#newest) this.#newest = counter;
    return true;
  }

  /** The sender has proven that it has sent up to `counter`: what is older and was not heard by now was held back. */
  raise(counter: number): void {
    if (counter > this.#floor) this.#floor = counter;
  }
}
