/**
 * The one seam between the tracker and the cluster: a log of opaque batches, each committed once, in one
 * order, on a quorum, and durable there. The tracker knows nothing else of how that comes about.
 *
 * What an engine behind it guarantees:
 * - `propose` resolves only when the batch is durable on a quorum (a single voter syncs its disk too) and was
 *   handed to the local state machine; never earlier, never twice.
 * - Every committed batch is applied exactly once per life of the state machine, in index order, without gaps.
 * - A batch whose fate is unknown is reported as uncertain and never repeated by the engine.
 */
export interface ReplicatedLog {
  /**
   * Appends a batch. The engine takes the bytes over: the caller must not touch them again.
   * @returns the index at which it was committed
   * @throws NotMasterError the batch is in no log and will be in none; ask the master
   * @throws UncertainError the batch may or may not be committed later
   * @throws LogFailedError storage failed; the instance must stop
   */
  propose(batch: Uint8Array): Promise<bigint>;
  /** What is known now; a new object after each change. */
  readonly status: ClusterStatus;
  /** Calls the listener after each change of the role (or term, or master) or of the members. Returns the way to stop it. */
  on(event: 'role' | 'members', listener: (status: ClusterStatus) => void): () => void;
  /** Whether this instance may answer clients at this moment: it is the master and its lease holds. Cheap: called per batch. */
  mayAnswer(): boolean;
  /** Hands mastership to another voter (the most caught-up one unless named). */
  transferMastership(to?: MemberId): Promise<void>;
  /**
   * Takes a member that is silent out of the cluster, without the wait that a dead one is usually given; a voter only if another
   * takes its place, or enough are left. Resolves when it is out.
   * @throws NotMasterError ask the master
   * @throws RemovalError the member stays
   * @throws UncertainError it may go later
   */
  removeMember(member: MemberId): Promise<void>;
  /**
   * Sends a message to another instance of the cluster, outside the log. Best effort: it is lost where that instance is not
   * connected, belongs to another cluster or is this one, and where too much is under way already (see `message-flow.ts`). The
   * bytes are taken over when they own their whole buffer, otherwise copied.
   * @throws {RangeError} it is longer than `MAX_MEMBER_MESSAGE_BYTES`
   */
  send(to: MemberId, message: Uint8Array): void;
  /** Calls the listener with every message that another instance of the cluster sent here; the bytes are its own. Returns the way to stop it. */
  onMessage(listener: (from: MemberId, message: Uint8Array) => void): () => void;
  /** Releases everything; can be called twice. */
  close(): Promise<void>;
}

/** What the log drives. All calls come in index order from one thread. */
export interface StateMachine {
  /** Applies one committed batch. Must not fail for any bytes that were once proposed. */
  apply(index: bigint, batch: Uint8Array): void;
}

/** A member's identity: a UUID drawn when its disk was empty. A lost disk is a new member. */
export type MemberId = string;

export type Role = 'master' | 'slave' | 'candidate' | 'learner';

export interface MemberStatus {
  readonly id: MemberId;
  /** What people call it. */
  readonly name: string;
  /** Host it is reached at by the other members. */
  readonly address: string;
  readonly clientPort: number;
  readonly role: Role;
  readonly voter: boolean;
  readonly alive: boolean;
  /** It said goodbye: it was stopped, and did not die. */
  readonly left?: boolean;
  /** Milliseconds since its last keepalive; 0 for oneself. */
  readonly lastKeepaliveMs: number;
  readonly appliedIndex: bigint;
  /** Entries it is behind the master. */
  readonly lag: bigint;
  /** Its state hash at `appliedIndex`, hexadecimal; empty while unknown. */
  readonly stateHash: string;
}

export interface ClusterStatus {
  /** The cluster's name. */
  readonly cluster: string;
  readonly term: bigint;
  readonly role: Role;
  readonly master: MemberId | undefined;
  /** The term began with a handover, as far as this instance knows: a voter does. */
  readonly byOrder?: boolean;
  readonly self: MemberId;
  readonly commitIndex: bigint;
  /**
   * Where another cluster of this name is that was founded earlier: peers that ask everybody are left to it. Undefined while
   * none is in reach.
   */
  readonly earlierCluster?: string | undefined;
  readonly members: readonly MemberStatus[];
}

/** This instance is not the master; `master` may know better. */
export class NotMasterError extends Error {
  override readonly name = 'NotMasterError';
  readonly code = 'NOT_MASTER';
  readonly master: MemberId | undefined;
  constructor(master: MemberId | undefined) {
    super(master === undefined ? 'there is no master now; try again' : `not the master; ask ${master}`);
    this.master = master;
  }
}

/** The batch may or may not become part of the log. */
export class UncertainError extends Error {
  override readonly name = 'UncertainError';
  readonly code = 'UNCERTAIN';
  constructor(reason: string) {
    super(`the outcome of the change is unknown: ${reason}`);
  }
}

/** Why a member stays. */
export type RemovalCode = 'NO_MEMBER' | 'MEMBER_ALIVE' | 'MEMBER_NEEDED';

/** A member is not removed. */
export class RemovalError extends Error {
  override readonly name = 'RemovalError';
  readonly code: RemovalCode;
  constructor(code: RemovalCode, member: MemberId) {
    super(`${member} ${REMOVAL_REASONS[code]}`);
    this.code = code;
  }
}

const REMOVAL_REASONS: Readonly<Record<RemovalCode, string>> = {
  NO_MEMBER: 'is no member of the cluster',
  MEMBER_ALIVE: 'is alive and would join again at once: stop it first',
  MEMBER_NEEDED:
    'is one of few voters, and no other instance has caught up to take its place: start another instance first',
};

/** The log's storage failed (full disk, failed sync, corruption). Nothing more is acknowledged. */
export class LogFailedError extends Error {
  override readonly name = 'LogFailedError';
  readonly code = 'LOG_FAILED';
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
  }
}
