import { Admission } from '../src/cluster/consensus/admission.ts';
import type { Concerns } from '../src/cluster/consensus/concerns.ts';
import { Durability } from '../src/cluster/consensus/durability.ts';
import { Election } from '../src/cluster/consensus/election.ts';
import { batchEntry, type Entry } from '../src/cluster/consensus/entry.ts';
import { Following } from '../src/cluster/consensus/following.ts';
import { Lease } from '../src/cluster/consensus/lease.ts';
import { RaftLog } from '../src/cluster/consensus/log.ts';
import { MembershipHistory } from '../src/cluster/consensus/membership.ts';
import type { SnapshotMeta } from '../src/cluster/consensus/messages.ts';
import { Proposals } from '../src/cluster/consensus/proposals.ts';
import { Reconfiguration } from '../src/cluster/consensus/reconfiguration.ts';
import { Replication } from '../src/cluster/consensus/replication.ts';
import { SnapshotReceiver } from '../src/cluster/consensus/snapshot-receiver.ts';
import { Transfer } from '../src/cluster/consensus/transfer.ts';

export interface Bug {
  /** Which of the eleven rules it breaks. */
  readonly rule: number;
  readonly what: string;
  readonly concerns?: Partial<Concerns>;
  /** The fault is the host's: a wiped disk comes back under its old identity. */
  readonly wipedKeepsIdentity?: boolean;
}

/** Known mistakes, one rule of the core taken out at a time; each must be found (`npm run sim -- --bug NAME`). */
export const BUGS: Readonly<Record<string, Bug>> = {
  'vote-not-persisted': {
    rule: 1,
    what: 'a vote leaves before it is on disk',
    concerns: {
      Durability: class extends Durability {
        override holdUntilHardState() {
          return false;
        }
      },
    },
  },
  'ack-before-fsync': {
    rule: 1,
    what: 'entries are acknowledged when they are in memory',
    concerns: {
      Following: class extends Following {
        protected override ackable() {
          return this.matched;
        }
      },
    },
  },
  'own-disk-assumed': {
    rule: 1,
    what: 'the master counts its own copy before its disk has it',
    concerns: {
      Replication: class extends Replication {
        protected override ownMatch() {
          return this.state.log.last;
        }
      },
    },
  },
  'log-compared-by-length': {
    rule: 2,
    what: 'the longer log wins, whatever its last term',
    concerns: {
      Election: class extends Election {
        protected override isUpToDate(_lastTerm: number, lastIndex: number) {
          return lastIndex >= this.state.log.last;
        }
      },
    },
  },
  'old-term-committed': {
    rule: 3,
    what: 'entries of earlier terms are committed by counting',
    concerns: {
      Replication: class extends Replication {
        protected override countsForCommit() {
          return true;
        }
      },
    },
  },
  'stale-truncates': {
    rule: 4,
    what: 'an append cuts off whatever follows its entries',
    concerns: {
      RaftLog: class extends RaftLog {
        override reconcile(entries: readonly Entry[], commit: number) {
          const removed = super.reconcile(entries, commit);
          const end = entries[entries.length - 1].index;
          if (removed !== null || this.last <= Math.max(end, commit)) return removed;
          this.truncate(Math.max(end, commit) + 1, commit);
          return Math.max(end, commit) + 1;
        }
      },
    },
  },
  'snapshot-below-commit': {
    rule: 5,
    what: 'an older snapshot replaces newer state',
    concerns: {
      SnapshotReceiver: class extends SnapshotReceiver {
        protected override wanted() {
          return true;
        }
      },
    },
  },
  'snapshot-acked-early': {
    rule: 5,
    what: 'a snapshot is acknowledged when it has arrived, not when it is durable',
    concerns: {
      Following: class extends Following {
        private arrived = 0;
        override installed(meta: SnapshotMeta) {
          super.installed(meta);
          this.arrived = Math.max(this.arrived, meta.index);
        }
        protected override ackable() {
          return Math.max(super.ackable(), Math.min(this.arrived, this.matched));
        }
      },
    },
  },
  'snapshot-without-membership': {
    rule: 5,
    what: 'a snapshot does not bring its membership along',
    concerns: {
      MembershipHistory: class extends MembershipHistory {
        override reset(index: number, _membership: unknown, keepLater: boolean) {
          super.reset(index, this.current, keepLater);
        }
      },
    },
  },
  'wiped-keeps-identity': {
    rule: 6,
    what: 'an instance that lost its disk comes back under its old identity',
    wipedKeepsIdentity: true,
  },
  'duplicate-admitted': {
    rule: 6,
    what: 'every process that claims an identity is listened to',
    concerns: {
      Admission: class extends Admission {
        override accepts() {
          this.muted = false;
          return true;
        }
      },
    },
  },
  'two-changes': {
    rule: 7,
    what: 'a membership change is proposed while another is pending',
    concerns: {
      Reconfiguration: class extends Reconfiguration {
        protected override changePending() {
          return false;
        }
      },
    },
  },
  'change-too-early': {
    rule: 7,
    what: 'a new master changes the membership before it committed anything',
    concerns: {
      Reconfiguration: class extends Reconfiguration {
        protected override committedInOwnTerm() {
          return true;
        }
      },
    },
  },
  'learner-counted': {
    rule: 8,
    what: 'learners count in quorums',
    concerns: {
      MembershipHistory: class extends MembershipHistory {
        override counted() {
          return [...this.current.voters, ...this.current.learners];
        }
      },
    },
  },
  'no-pre-vote': {
    rule: 9,
    what: 'a member that hears no master enters a new term at once',
    concerns: {
      Election: class extends Election {
        protected override campaign() {
          this.stand(false);
        }
      },
    },
  },
  'no-check-quorum': {
    rule: 9,
    what: 'an isolated master goes on believing that it is one',
    concerns: {
      Replication: class extends Replication {
        override quorumLost() {
          return false;
        }
      },
    },
  },
  'lease-not-rechecked': {
    rule: 10,
    what: 'a master answers as long as it believes to be one',
    concerns: {
      Lease: class extends Lease {
        override mayAnswer(now: number) {
          return this.until(now) > Number.NEGATIVE_INFINITY;
        }
      },
    },
  },
  'promise-broken': {
    rule: 10,
    what: 'voters elect another master while they have promised not to',
    concerns: {
      Election: class extends Election {
        protected override promised() {
          return false;
        }
      },
    },
  },
  'restart-forgets-promise': {
    rule: 10,
    what: 'a restarted voter forgets what its former run promised',
    concerns: {
      Election: class extends Election {
        protected override promised() {
          return this.state.masterHeardAt > this.state.startedAt && super.promised();
        }
      },
    },
  },
  'transfer-keeps-lease': {
    rule: 10,
    what: 'a master goes on answering after it ordered its heir to campaign',
    concerns: {
      Transfer: class extends Transfer {
        protected override relinquish() {}
      },
    },
  },
  'proposal-repeated': {
    rule: 11,
    what: 'a new mastership silently repeats what an earlier one left open',
    concerns: {
      Proposals: class extends Proposals {
        private open: Uint8Array[] = [];
        override lost() {
          for (const { index } of this.pending) {
            if (index > this.state.log.base.index && index <= this.state.log.last) {
              this.open.push(this.state.log.entry(index).data);
            }
          }
          super.lost();
        }
        override propose(requestId: number, data: Uint8Array) {
          for (const left of this.open)
            this.state.log.append(batchEntry(this.state.log.last + 1, this.state.term, left));
          this.open = [];
          super.propose(requestId, data);
        }
      },
    },
  },
  'refused-but-kept': {
    rule: 11,
    what: 'a proposal that enters the log is answered as if it had not',
    concerns: {
      Proposals: class extends Proposals {
        override lost() {
          for (const { requestId } of this.pending) this.refuse(requestId, null);
          this.pending = [];
        }
      },
    },
  },
};
