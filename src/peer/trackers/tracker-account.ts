import type { AnnounceAnswer, AnnounceFields, AskTracker, Patience } from './announcement.ts';
import type { ContentReport } from './content-report.ts';
import type { TrackerError } from './tracker-error.ts';

/**
 * What one tracker was told of one content. An event counts as told when the tracker acknowledged it, and is said again
 * until then: `started` first, `completed` once, `stopped` at the end if the tracker may know of us.
 */
export class TrackerAccount {
  readonly #report: ContentReport;
  readonly #ask: AskTracker;
  #toldStarted = false;
  #toldCompleted = false;
  /** It acknowledged us, or was asked and may yet have heard it. */
  #mayKnowUs = false;

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
    if (!this.#mayKnowUs) return;
    if (isCompleted && !this.#toldCompleted) {
      await this.#tell('completed', { ...fields, numWant: 0 }, patience, signal);
    }
    await this.#tell('stopped', { ...fields, numWant: 0 }, patience, signal);
  }

  async #tell(
    event: 'started' | 'completed' | 'stopped' | undefined,
    fields: AnnounceFields,
    patience: Patience,
    signal: AbortSignal,
  ): Promise<AnnounceAnswer> {
    this.#mayKnowUs = true;
    try {
      const answer = await this.#ask(event === undefined ? fields : { ...fields, event }, patience, signal);
      this.#toldStarted = event !== 'stopped';
      this.#mayKnowUs = this.#toldStarted;
      if (event === 'completed') this.#toldCompleted = true;
      return answer;
    } catch (error) {
      // Called off, the request may still be heard; one that failed was not.
      if ((error as TrackerError).code !== 'STOPPED') this.#mayKnowUs = this.#toldStarted;
      throw error;
    }
  }
}
