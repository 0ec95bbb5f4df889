/** A member's uuid. It names a disk, not a machine: an instance that lost its disk comes back under a new one (rule 6). */
export type MemberId = string;

/** The uuid that the genesis gave to a cluster. Messages of another cluster are dropped unread. */
export type ClusterId = string;

/**
 * One run of one member. `boot` is read from the disk, raised by one and written back (durably) before the core is
 * made; `nonce` is drawn anew by every process, so that two processes started from copies of one data folder, which
 * agree in everything else, can still be told apart.
 */
export interface Incarnation {
  readonly member: MemberId;
  /** Strictly greater in every later run from the same disk. */
  readonly boot: number;
  /** An unsigned 32-bit integer. */
  readonly nonce: number;
}
