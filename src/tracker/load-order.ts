import { statSync } from 'node:fs';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import type { ReplicatedLog } from '../cluster/replicated-log.ts';

/**
 * Instances that start together may share a machine, and to load large tables takes a processor for a second or more, the log
 * behind them as long again. Clients wait for the master only: who learns that another instance is the master stands back
 * until that one is done. Until there is a master everybody loads: it may be anyone.
 */
export class LoadOrder {
  readonly #log: Pick<ReplicatedLog, 'status'>;
  readonly #large: boolean;
  /** Until when to stand back at most; set when another master is seen first. */
  #until = 0;

  /** @param tables path of the tables that are to be loaded */
  constructor(log: Pick<ReplicatedLog, 'status'>, tables: string) {
    this.#log = log;
    this.#large = (statSync(tables, { throwIfNoEntry: false })?.size ?? 0) >= LARGE_BYTES;
  }

  /** Resolves when this instance may go on loading. */
  async turn(): Promise<void> {
    if (!this.#large) return;
    // Who is the master comes as a message.
    await nextTurn();
    for (; this.#masterLoads(); await pause(POLL_MS)) {
      if (this.#until === 0) this.#until = performance.now() + HEAD_START_MS;
      if (performance.now() >= this.#until) return;
    }
  }

  #masterLoads(): boolean {
    const { master, self, members } = this.#log.status;
    if (master === undefined || master === self) return false;
    const { stateHash = '', lag = 0n } = members.find(({ id }) => id === master) ?? {};
    return stateHash === '' || lag > CAUGHT_UP_ENTRIES;
  }
}

/** Some 100,000 peers; the rest may be in the WAL. */
export const LARGE_BYTES = 16 << 20;
/** Of a master that applies what arrives. */
const CAUGHT_UP_ENTRIES = 256n;
/** What a million peers take with a long log behind them. */
const HEAD_START_MS = 2_000;
const POLL_MS = 10;
