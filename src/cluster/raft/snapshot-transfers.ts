import type { Core } from '../consensus/core.ts';
import type { Effect } from '../consensus/effects.ts';
import type { Event } from '../consensus/events.ts';
import type { SnapshotMeta } from '../consensus/messages.ts';
import { LogFailedError } from '../replicated-log.ts';
import type { SnapshotFiles } from './snapshot-files.ts';

export interface SnapshotTransfersOptions {
  readonly files: SnapshotFiles;
  /** Has the state machine write itself into a file; returns the last entry inside. */
  readonly make: (path: string) => Promise<number>;
  readonly step: (event: Event) => void;
  readonly core: () => Core;
  readonly fail: (error: LogFailedError) => void;
  readonly warn: (message: string) => void;
}

/** The core's snapshot effects on files: what takes its time is done aside, one after the other, and answered by events. */
export class SnapshotTransfers {
  readonly #options: SnapshotTransfersOptions;
  #making: Promise<SnapshotMeta | null> | undefined;
  /** Of the snapshot that can be read. */
  #meta: SnapshotMeta | null = null;
  #staging: Promise<void> = Promise.resolve();

  constructor(options: SnapshotTransfersOptions) {
    this.#options = options;
  }

  read(effect: Extract<Effect, { type: 'read-snapshot' }>): void {
    const { to, transfer } = effect;
    void this.#read(effect).then((chunk) => this.#options.step({ type: 'snapshot-read', to, transfer, chunk }));
  }

  stage({ meta, offset, data, last }: Extract<Effect, { type: 'stage-chunk' }>): void {
    const { files, step, fail } = this.#options;
    this.#staging = this.#staging.then(async () => {
      try {
        const outcome = await files.stage(meta.index, offset, data, last);
        step({ type: 'chunk-staged', index: meta.index, next: offset + data.length, outcome });
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        fail(new LogFailedError(`a snapshot cannot be written: ${reason}; check the disk`, { cause }));
      }
    });
  }

  async #read({ index, offset, maxBytes }: Extract<Effect, { type: 'read-snapshot' }>) {
    try {
      const meta = index === null ? await this.#newest() : this.#meta;
      if (meta === null || (index !== null && meta.index !== index)) return null;
      const piece = await this.#options.files.read(meta.index, offset, maxBytes);
      return piece === null ? null : { meta, offset, ...piece };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.warn(`no snapshot for a member that needs one: ${reason}`);
      // The core asks again at once.
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      return null;
    }
  }

  /** One from which the log goes on. */
  #newest(): Promise<SnapshotMeta | null> {
    if (this.#meta !== null && this.#meta.index >= this.#options.core().log.base.index) {
      return Promise.resolve(this.#meta);
    }
    this.#making ??= this.#make().finally(() => {
      this.#making = undefined;
    });
    return this.#making;
  }

  async #make(): Promise<SnapshotMeta | null> {
    const index = await this.#options.files.make(this.#options.make);
    this.#meta = metaAt(this.#options.core().log, index);
    return this.#meta;
  }
}

const RETRY_MS = 1_000;

/** Term and membership as of an entry; null: the log was trimmed past it. */
function metaAt(log: Core['log'], index: number): SnapshotMeta | null {
  const term = log.termAt(index);
  if (term === null) return null;
  for (let at = index; at > log.base.index; at--) {
    const { membership } = log.entry(at);
    if (membership !== null) return { index, term, membership };
  }
  return { index, term, membership: log.base.membership };
}
