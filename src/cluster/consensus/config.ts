/** Times of the protocol, in milliseconds of the monotonic clock handed to `step`. */
export interface Timing {
  /** A master speaks to every member at least this often. */
  readonly heartbeatMs: number;
  /** A voter that has heard its master within this time votes for nobody else: the lease rests on it. */
  readonly electionMinMs: number;
  /** A slave campaigns after a silence drawn from [electionMinMs, electionMaxMs]; a master without a quorum for electionMaxMs steps down. */
  readonly electionMaxMs: number;
  /** How long a quorum's acknowledgement lets the master answer, counted from when it *sent* the message acknowledged. */
  readonly leaseMs: number;
  /** Relative error of any member's clock that the lease must survive, for example 0.05. */
  readonly clockDrift: number;
  /** A lost election is tried again after a pause drawn from [retryMinMs, retryMaxMs]. */
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
  /** After the master's proven death the voter of rank k waits k times this before it campaigns. */
  readonly staggerMs: number;
  /** A member heard within this time is alive: another process of its identity is refused. */
  readonly livenessMs: number;
  /** A restarted member that some members do not answer speaks up after this time, if a quorum welcomed it. */
  readonly helloWaitMs: number;
  /** A newcomer refused as a duplicate for this long stops. */
  readonly duplicateStopMs: number;
  /** A member that had been welcome before is given longer: the newcomer should be the one to stop. */
  readonly establishedStopMs: number;
  /** Pause between retries of a join or a hello. */
  readonly askMs: number;
  /** A snapshot chunk not acknowledged within this time is sent again. */
  readonly resendMs: number;
  /** A voter silent for this long is replaced by a learner that has caught up. */
  readonly replaceAfterMs: number;
  /** An even number of voters for this long (no learner came to make it odd) is made odd by a demotion. */
  readonly evenVotersMs: number;
}

/** Bounds of everything that could grow. */
export interface Limits {
  /** Entries of one append message; a single larger entry still travels alone. */
  readonly messageBytes: number;
  /** Append messages under way to one member. */
  readonly inflightMessages: number;
  readonly inflightBytes: number;
  /** Proposals whose fate is not known yet; further ones are refused as overloaded. */
  readonly pendingProposals: number;
  readonly uncommittedBytes: number;
  /** Memory of the log, which is trimmed behind the applied index down to this: for members that were away for a while. */
  readonly keepLogBytes: number;
  /** The same for a member that is alone: nobody was away. */
  readonly soleKeepLogBytes: number;
  readonly snapshotChunkBytes: number;
  /** Snapshot chunks under way to one member. */
  readonly snapshotWindow: number;
  /** A learner this many entries behind, or fewer, has caught up. */
  readonly caughtUpEntries: number;
  readonly voters: number;
  readonly learners: number;
}

export const DEFAULT_TIMING: Timing = {
  heartbeatMs: 50,
  electionMinMs: 300,
  electionMaxMs: 450,
  leaseMs: 240,
  clockDrift: 0.05,
  retryMinMs: 40,
  retryMaxMs: 120,
  staggerMs: 15,
  livenessMs: 500,
  helloWaitMs: 250,
  duplicateStopMs: 1_500,
  establishedStopMs: 5_000,
  askMs: 100,
  resendMs: 250,
  replaceAfterMs: 60_000,
  evenVotersMs: 5_000,
};

export const DEFAULT_LIMITS: Limits = {
  messageBytes: 1024 * 1024,
  inflightMessages: 64,
  inflightBytes: 8 * 1024 * 1024,
  pendingProposals: 8_192,
  uncommittedBytes: 64 * 1024 * 1024,
  keepLogBytes: 64 * 1024 * 1024,
  soleKeepLogBytes: 4 * 1024 * 1024,
  snapshotChunkBytes: 1024 * 1024,
  snapshotWindow: 4,
  caughtUpEntries: 256,
  voters: 7,
  learners: 16,
};

/** The times contradict each other; the message names the rule that is broken. */
export class TimingError extends Error {
  readonly code = 'CONSENSUS_TIMING';
  constructor(rule: string) {
    super(`consensus timing refused: ${rule}`);
    this.name = 'TimingError';
  }
}

/** @throws {TimingError} when the lease could outlast the promise of the voters (rule 10), or an election cannot work. */
export function checkTiming(timing: Timing): Timing {
  const { heartbeatMs, electionMinMs, electionMaxMs, leaseMs, clockDrift } = timing;
  const need = (holds: boolean, rule: string) => {
    if (!holds) throw new TimingError(rule);
  };
  // The master's clock may be slow while the voter's is fast: the lease must end first even then.
  need(
    leaseMs * (1 + clockDrift) < electionMinMs * (1 - clockDrift),
    `leaseMs (${leaseMs}) must be below electionMinMs (${electionMinMs}) by more than the clocks may drift (${clockDrift})`,
  );
  need(heartbeatMs * 2 < leaseMs, `heartbeatMs (${heartbeatMs}) must fit at least twice into leaseMs (${leaseMs})`);
  need(electionMinMs < electionMaxMs, 'electionMinMs must be below electionMaxMs');
  need(timing.retryMinMs < timing.retryMaxMs, 'retryMinMs must be below retryMaxMs');
  return timing;
}
