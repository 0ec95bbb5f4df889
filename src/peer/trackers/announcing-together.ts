import type { Announcing, AnnouncingStatus } from './announcement.ts';
import { TrackerError } from './tracker-error.ts';

/** Several announcers of one content, as one. */
export class AnnouncingTogether implements Announcing {
  readonly #parts: readonly Announcing[];
  readonly #onStopped: () => void;

  constructor(parts: readonly Announcing[], onStopped = () => {}) {
    this.#parts = parts;
    this.#onStopped = onStopped;
  }

  /** Of the one that is doing best. */
  get status(): AnnouncingStatus {
    const all = this.#parts.map(({ status }) => status);
    const living = all.filter(({ state }) => state !== 'stopped');
    return living.find(({ failure }) => failure === undefined) ?? living[0] ?? all[0] ?? NOBODY_TO_ASK;
  }

  changed(): void {
    for (const part of this.#parts) part.changed();
  }

  morePeers(): void {
    for (const part of this.#parts) part.morePeers();
  }

  async stop(withinMs?: number): Promise<boolean> {
    const told = await Promise.all(this.#parts.map((part) => part.stop(withinMs)));
    this.#onStopped();
    return told.every((each) => each);
  }
}

const NOBODY_TO_ASK: AnnouncingStatus = {
  state: 'stopped',
  nextInMs: Number.POSITIVE_INFINITY,
  seeders: undefined,
  leechers: undefined,
  externalHost: undefined,
  warning: undefined,
  failure: new TrackerError('NO_TRACKER', 'the content names no tracker'),
};
