import { Admission } from './admission.ts';
import { Durability } from './durability.ts';
import { Election } from './election.ts';
import { Following } from './following.ts';
import { Lease } from './lease.ts';
import { RaftLog } from './log.ts';
import { MembershipHistory } from './membership.ts';
import { Proposals } from './proposals.ts';
import { Reconfiguration } from './reconfiguration.ts';
import { Replication } from './replication.ts';
import { SnapshotReceiver } from './snapshot-receiver.ts';
import { Transfer } from './transfer.ts';

/**
 * The classes that the core is made of. Tests and the simulation put subclasses in their place, to see that a rule taken
 * out is noticed; nobody else has a reason to.
 */
export const CONCERNS = {
  RaftLog,
  MembershipHistory,
  Durability,
  Admission,
  Election,
  Following,
  Replication,
  SnapshotReceiver,
  Lease,
  Proposals,
  Transfer,
  Reconfiguration,
};

export type Concerns = Readonly<typeof CONCERNS>;
