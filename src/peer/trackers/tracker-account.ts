import type { AnnounceAnswer, AskTracker, Patience } from './announcement.ts';
import type { ContentReport } from './content-report.ts';

/**
 * What one tracker was told of one content. An event counts as told when the tracker acknowledged it, and is said again
 * until then: `started` first, `completed` once, `stopped` at the end if the tracker may know of us.
 */
export class TrackerAccount {
  readonly #report: ContentReport;
  readonly #ask: AskTracker;
  #toldStarted = false;
  #toldCompleted = false;
  /** Requests that it may have heard. */
  #underWay = 0;

  constructor(report: ContentReport, ask: AskTracker) {
    this.#report = report;
    this.#ask = ask;
  }

  /** @throws {TrackerError} */
  announce(patience: Patience, signal: AbortSignal): Promise<AnnounceAnswer> {
    const { fields, isCompleted } = this.#report.take();
    // Before `completed` nothing may say that nothing is left: trackers count a download where that changes.
    if (isCompleted && !this.#toldCompleted) return this.#tell('completed', fields, patience, signal);
    return this.#tell(this.#toldStarted ? undefined : 'started', fields, patience, signal);
  }

  /**
   * Takes leave, if the tracker may know of us; a `completed` that it has not heard goes before.
   * @throws {TrackerError}
   */
  async stop(patience: Patience, signal: AbortSignal): Promise<void> {
    const { fields, isCompleted } = this.#report.take();
    if (!this.#toldStarted && this.#underWay === 0) return;
    if (isCompleted && !this.#toldCompleted) {
      await this.#tell('completed', { ...fields, numWant: 0 }, patience, signal);
    }
    await this.#tell('stopped', { ...fields, numWant: 0 }, patience, signal);
  }

  async #tell(
    event: 'started' | 'completed' | 'stopped' | undefined,
    fields: Parameters<AskTracker>[0],
    patience: Patience,
    signal: AbortSignal,
  ): Promise<AnnounceAnswer> {
    this.#underWay++;
    try {
      const answer = await this.#ask(event === undefined ? fields : { ...fields, event }, patience, signal);
      this.#toldStarted = event !== 'stopped';
      if (event === 'completed') this.#toldCompleted = true;
      return answer;
    } finally {
      this.#underWay--;
    }
  }
}
