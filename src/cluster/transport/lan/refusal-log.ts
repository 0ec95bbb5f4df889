import type { TransportCounters } from '../member-transport.ts';
import { WARN_MS } from './bounds.ts';

/** Sums up what was refused, at most every WARN_MS: a flood must not fill the log. */
export class RefusalLog {
  readonly #counters: TransportCounters;
  readonly #warn: (message: string) => void;
  #reported: TransportCounters;
  #reportedAt = Number.NEGATIVE_INFINITY;

  constructor(counters: TransportCounters, warn: (message: string) => void) {
    this.#counters = counters;
    this.#warn = warn;
    this.#reported = { ...counters };
  }

  tick(now: number): void {
    if (now - this.#reportedAt < WARN_MS) return;
    const news = REFUSALS.map(({ counter, what }) => ({
      count: this.#counters[counter] - this.#reported[counter],
      what,
    }));
    const refused = news.filter(({ count }) => count > 0).map(({ count, what }) => `${count} ${what}`);
    if (refused.length === 0) return;
    this.#warn(`refused from the members' network: ${refused.join(', ')}`);
    this.#reported = { ...this.#counters };
    this.#reportedAt = now;
  }
}

const REFUSALS: readonly { readonly counter: keyof TransportCounters; readonly what: string }[] = [
  { counter: 'datagramsForged', what: 'datagrams without the key of this cluster' },
  { counter: 'datagramsMalformed', what: 'datagrams that make no sense' },
  { counter: 'datagramsReplayed', what: 'datagrams that were heard before' },
  { counter: 'handshakesFailed', what: 'connections without the key or without a proper handshake' },
  { counter: 'handshakesCrowdedOut', what: 'connections because too many had proven nothing yet' },
  { counter: 'connectionsBroken', what: 'connections of members that broke the protocol' },
  { counter: 'peersTurnedAway', what: 'instances because too many are known already' },
];
