import { randomBytes } from 'node:crypto';
import type { ReplicatedLog } from '../cluster/replicated-log.ts';
import type { Expiry } from './expiry.ts';
import { BatchWriter, MAX_OPERATION_BYTES } from './operations.ts';
import type { TrackerState } from './tracker-state.ts';

/** What only the master does without being asked: it gives the cluster its secret, and proposes who has expired. */
export class MasterDuties {
  readonly #log: ReplicatedLog;
  readonly #state: TrackerState;
  readonly #expiry: Expiry;
  #secretIsUnderWay = false;

  constructor(log: ReplicatedLog, state: TrackerState, expiry: Expiry) {
    this.#log = log;
    this.#state = state;
    this.#expiry = expiry;
  }

  /** To be called every EXPIRY_TURN_MS. */
  turn(): void {
    if (!this.#log.mayAnswer()) return;
    this.giveSecret();
    this.#expiry.turn(Math.floor(this.#state.clock.now() / 1000));
  }

  /** The first master of a cluster draws the key of connection IDs; the log tells the others. */
  giveSecret(): void {
    if (this.#state.connectionIds !== undefined || this.#secretIsUnderWay || !this.#log.mayAnswer()) return;
    this.#secretIsUnderWay = true;
    const writer = new BatchWriter(2 * MAX_OPERATION_BYTES);
    writer.secret(randomBytes(16));
    const done = () => {
      this.#secretIsUnderWay = false;
    };
    // If it did not get into the log, the next turn tries again.
    this.#log.propose(writer.take(this.#state.clock.now())).then(done, done);
  }
}
