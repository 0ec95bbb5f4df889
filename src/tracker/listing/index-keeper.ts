import type { ContentsIndex, IndexPage, IndexQuery } from './contents-index.ts';

/** What the index is made from; tests hand in their own. */
export interface IndexSource {
  /** The log entry that the tables show now. */
  appliedIndex(): bigint;
  read(): Promise<ContentsIndex>;
  /** A clock that never goes back, milliseconds. */
  now(): number;
}

/** After an index was made, none is made for so many times what that took. */
export const REST_FACTOR = 10;
/** An index that is made in less is waited for; otherwise the one that is there answers meanwhile. */
export const WAIT_MS = 200;

/**
 * Keeps an index of the contents as fresh as it can be without costing more than a tenth of a processor: where there are few
 * contents that is nearly always, with a million of them the order is up to a quarter of a minute old.
 */
export class IndexKeeper {
  readonly #source: IndexSource;
  #index: ContentsIndex | undefined;
  /** What the tables showed when it was begun. */
  #appliedIndex = -1n;
  #tookMs = 0;
  #madeAt = 0;
  #making: Promise<void> | undefined;

  constructor(source: IndexSource) {
    this.#source = source;
  }

  async query(query: IndexQuery): Promise<IndexPage> {
    if (this.#isDue()) this.#making ??= this.#make();
    if (this.#index === undefined || (this.#making !== undefined && this.#tookMs <= WAIT_MS)) await this.#making;
    return this.#index!.query(query);
  }

  #isDue(): boolean {
    if (this.#index === undefined) return true;
    const rested = this.#source.now() - this.#madeAt >= REST_FACTOR * this.#tookMs;
    return rested && this.#source.appliedIndex() !== this.#appliedIndex;
  }

  async #make(): Promise<void> {
    const beganAt = this.#source.now();
    try {
      const appliedIndex = this.#source.appliedIndex();
      this.#index = await this.#source.read();
      this.#appliedIndex = appliedIndex;
    } finally {
      this.#making = undefined;
      this.#madeAt = this.#source.now();
      this.#tookMs = this.#madeAt - beganAt;
    }
  }
}
