import { DEFAULT_INTERVAL_SECONDS, MAX_INTERVAL_SECONDS } from '../../bittorrent/http-tracker-client.ts';
import { type AnnounceAnswer, type Announcing, type AnnouncingStatus, STOP_WITHIN_MS } from './announcement.ts';
import { TrackerError } from './tracker-error.ts';
import { within } from './within.ts';

/** Announces are late by up to this share of the interval, never early: so those of many peers spread. */
export const JITTER = 0.1;
/** After a failure without advice; twice as long after each further one. */
export const FIRST_RETRY_MS = 15_000;
export const LONGEST_RETRY_MS = 30 * 60 * 1_000;

/** Whoever is asked in turn: a cluster, or the trackers of a content. */
export interface AnnounceRound {
  /** Asks, and has told the caller of the peers when it resolves. @throws {TrackerError} */
  announce(signal: AbortSignal): Promise<AnnounceAnswer>;
  /** Takes leave of all who may know. @throws {TrackerError} somebody could not be told */
  stop(signal: AbortSignal): Promise<void>;
}

export interface AnnouncerOptions {
  /** From 0 to below 1. */
  readonly random: () => number;
  /** The least time between an answer and the announce that `morePeers` asks for, where the tracker names none. */
  readonly gapMs: number;
  /**
   * While no peer is known and something is missing, the next announce follows after this time, twice as long each time, up to
   * `longestLonelyMs`. By default the interval is kept.
   */
  readonly lonelyMs?: number;
  readonly longestLonelyMs?: number;
  /** Whether peers are wanted. */
  readonly isIncomplete: () => boolean;
  readonly failed?: (error: TrackerError) => void;
}

/** Announces one content again and again, at the pace that is asked for, until it is stopped. */
export class Announcer implements Announcing {
  readonly #round: AnnounceRound;
  readonly #options: AnnouncerOptions;
  readonly #life = new AbortController();
  readonly #running: Promise<void>;
  #wake = Promise.withResolvers<void>();
  #state: AnnouncingStatus['state'] = 'asking';
  #nextAtMs = 0;
  #answer: AnnounceAnswer | undefined;
  #answeredAtMs = 0;
  #failure: TrackerError | undefined;
  #failures = 0;
  #lonely = 0;
  /** Told during a round of something that the round may not have said. */
  #again = false;
  #stopped: Promise<boolean> | undefined;

  /** Begins at once. */
  constructor(round: AnnounceRound, options: AnnouncerOptions) {
    this.#round = round;
    this.#options = options;
    this.#running = this.#run(this.#life.signal);
  }

  get status(): AnnouncingStatus {
    return {
      state: this.#state,
      nextInMs: this.#state === 'waiting' ? Math.max(0, this.#nextAtMs - performance.now()) : 0,
      seeders: this.#answer?.seeders,
      leechers: this.#answer?.leechers,
      externalHost: this.#answer?.externalHost,
      warning: this.#answer?.warning,
      failure: this.#failure,
    };
  }

  changed(): void {
    this.#again = true;
    this.#callAt(performance.now());
  }

  morePeers(): void {
    // Whom to ask after a failure, and when, is settled.
    if (this.#failure !== undefined || this.#answer === undefined) return;
    const { minIntervalSeconds } = this.#answer;
    const gapMs = minIntervalSeconds === undefined ? this.#options.gapMs : minIntervalSeconds * 1_000;
    this.#callAt(this.#answeredAtMs + gapMs);
  }

  stop(withinMs = STOP_WITHIN_MS): Promise<boolean> {
    this.#stopped ??= this.#leave(withinMs);
    return this.#stopped;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#state = 'asking';
      this.#again = false;
      const waitMs = await this.#ask(signal);
      if (signal.aborted) return;
      this.#state = 'waiting';
      this.#nextAtMs = performance.now() + waitMs;
      if (this.#again && this.#failure === undefined) continue;
      await this.#sleep(signal);
    }
  }

  /** @returns how long to wait then */
  async #ask(signal: AbortSignal): Promise<number> {
    const { random, failed } = this.#options;
    try {
      const answer = await this.#round.announce(signal);
      this.#answer = answer;
      this.#answeredAtMs = performance.now();
      this.#failure = undefined;
      this.#failures = 0;
      return this.#pauseAfter(answer) * (1 + JITTER * random());
    } catch (error) {
      if (signal.aborted) return 0;
      if (!(error instanceof TrackerError)) throw error;
      this.#failure = error;
      failed?.(error);
      const { retryAfterMs } = error;
      if (retryAfterMs !== undefined) return retryAfterMs;
      return retryMs(this.#failures++) * (1 + JITTER * random());
    }
  }

  #pauseAfter({ intervalSeconds, peers }: AnnounceAnswer): number {
    const intervalMs = Math.min(intervalSeconds || DEFAULT_INTERVAL_SECONDS, MAX_INTERVAL_SECONDS) * 1_000;
    const { lonelyMs = Number.POSITIVE_INFINITY, longestLonelyMs = intervalMs, isIncomplete } = this.#options;
    this.#lonely = peers.length === 0 && isIncomplete() ? this.#lonely + 1 : 0;
    if (this.#lonely === 0) return intervalMs;
    return Math.min(intervalMs, longestLonelyMs, lonelyMs * 2 ** (this.#lonely - 1));
  }

  /** Until `#nextAtMs`, which may come nearer meanwhile. */
  async #sleep(signal: AbortSignal): Promise<void> {
    for (;;) {
      const leftMs = this.#nextAtMs - performance.now();
      if (leftMs <= 0 || signal.aborted) return;
      this.#wake = Promise.withResolvers();
      // A timer runs for 24 days at most; then it is set again.
      await within(Math.min(leftMs, LONGEST_SLEEP_MS), signal, this.#wake.promise).catch(() => {});
    }
  }

  #callAt(atMs: number): void {
    if (this.#state !== 'waiting') return;
    this.#nextAtMs = Math.min(this.#nextAtMs, atMs);
    this.#wake.resolve();
  }

  async #leave(withinMs: number): Promise<boolean> {
    this.#life.abort(new TrackerError('STOPPED', 'announcing was stopped'));
    await this.#running;
    this.#state = 'stopped';
    try {
      await this.#round.stop(AbortSignal.timeout(withinMs));
      return true;
    } catch (error) {
      if (error instanceof TrackerError) return false;
      throw error;
    }
  }
}

/** @param failures that went before */
export function retryMs(failures: number): number {
  return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, MAX_DOUBLINGS));
}

const MAX_DOUBLINGS = 20;
const LONGEST_SLEEP_MS = 24 * 60 * 60 * 1_000;
