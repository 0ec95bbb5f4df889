import type { AnnounceAnswer, Patience } from './announcement.ts';
import { type AnnounceRound, JITTER, retryMs } from './announcer.ts';
import type { PlainTracker } from './plain-tracker.ts';
import { stopped, TrackerError } from './tracker-error.ts';
import type { TrackerTiers } from './tracker-tiers.ts';

export interface TieredRoundOptions {
  readonly random: () => number;
  /** For a tracker that is the only one. */
  readonly patience: Patience;
  /** For one that others could stand in for. */
  readonly patienceAmongOthers: Patience;
  /** For taking leave. */
  readonly hurry: Patience;
}

interface Failing {
  readonly error: TrackerError;
  readonly failures: number;
  readonly retryAtMs: number;
}

/** The trackers of one content, asked in the order of BEP 12 until one answers; one that just failed is left alone for a while. */
export class TieredRound implements AnnounceRound {
  readonly #tiers: TrackerTiers<PlainTracker>;
  readonly #options: TieredRoundOptions;
  readonly #failing = new Map<PlainTracker, Failing>();

  constructor(tiers: TrackerTiers<PlainTracker>, options: TieredRoundOptions) {
    this.#tiers = tiers;
    this.#options = options;
  }

  async announce(signal: AbortSignal): Promise<AnnounceAnswer> {
    const trackers = this.#tiers.inOrder();
    const patience = trackers.length > 1 ? this.#options.patienceAmongOthers : this.#options.patience;
    for (const tracker of trackers) {
      if ((this.#failing.get(tracker)?.retryAtMs ?? 0) > performance.now()) continue;
      try {
        const answer = await tracker.announce(patience, signal);
        this.#failing.delete(tracker);
        this.#tiers.answered(tracker);
        return answer;
      } catch (error) {
        if (signal.aborted) throw stopped(signal);
        if (!(error instanceof TrackerError)) throw error;
        this.#failed(tracker, error);
      }
    }
    throw this.#noTracker();
  }

  async stop(signal: AbortSignal): Promise<void> {
    const all = this.#tiers.inOrder().map((tracker) => tracker.stop(this.#options.hurry, signal));
    for (const each of await Promise.allSettled(all)) if (each.status === 'rejected') throw each.reason;
  }

  #failed(tracker: PlainTracker, error: TrackerError): void {
    const failures = (this.#failing.get(tracker)?.failures ?? 0) + 1;
    const waitMs = error.retryAfterMs ?? retryMs(failures - 1) * (1 + JITTER * this.#options.random());
    this.#failing.set(tracker, { error, failures, retryAtMs: performance.now() + waitMs });
  }

  /** Why one of them failed, and when one of them is to be asked again. */
  #noTracker(): TrackerError {
    const failing = [...this.#failing.values()];
    const retryAfterMs = Math.max(0, Math.min(...failing.map(({ retryAtMs }) => retryAtMs)) - performance.now());
    const { error } = failing[failing.length - 1];
    if (failing.length === 1) return new TrackerError(error.code, error.message, { cause: error, retryAfterMs });
    const message = `none of ${failing.length} trackers answered; one of them: ${error.message}`;
    return new TrackerError('NO_TRACKER', message, { cause: error, retryAfterMs });
  }
}
