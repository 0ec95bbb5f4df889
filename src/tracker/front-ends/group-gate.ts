import type { ReplicatedLog } from '../../cluster/replicated-log.ts';

/**
 * Whether the peers' multicast group may be answered. Beyond being the master, this instance must have listened for a moment
 * whether another cluster of its name was here first: then that one answers, and peers get one answer only.
 */
export class GroupGate {
  readonly #log: ReplicatedLog;
  readonly #opensAt = performance.now() + LISTEN_MS;
  #isLeftToOthers = false;

  constructor(log: ReplicatedLog) {
    this.#log = log;
    log.on('members', ({ earlierCluster }) => {
      this.#isLeftToOthers = earlierCluster !== undefined;
    });
  }

  mayAnswer(): boolean {
    return this.#log.mayAnswer() && !this.#isLeftToOthers && this.hasListened;
  }

  get hasListened(): boolean {
    return performance.now() >= this.#opensAt;
  }
}

/** Members speak every 100 ms, and a connection proves who they are. */
const LISTEN_MS = 400;
