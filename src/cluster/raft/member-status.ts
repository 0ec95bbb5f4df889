import type { Role } from '../consensus/effects.ts';
import type { MemberId } from '../consensus/identity.ts';
import { isVoter, type Membership } from '../consensus/membership.ts';
import type { MemberView } from '../fault-tolerance/fault-tolerance.ts';
import type { ClusterStatus, MemberStatus } from '../replicated-log.ts';

/** What this instance knows of itself. */
export interface SelfView {
  readonly cluster: string;
  readonly id: MemberId;
  readonly name: string;
  readonly host: string;
  readonly clientPort: number;
  readonly role: Role;
  readonly term: number;
  readonly master: MemberId | null;
  readonly byOrder: boolean;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly stateHash: string;
  readonly earlierCluster: string | undefined;
}

/** The cluster as this instance sees it: who belongs to it by its log, and what each last said of itself. */
export function clusterStatus(self: SelfView, membership: Membership, views: readonly MemberView[]): ClusterStatus {
  const latest = new Map<MemberId, MemberView>();
  for (const view of views) {
    const { member } = view.peer.incarnation;
    const known = latest.get(member);
    if (known === undefined || isNewer(view, known)) latest.set(member, view);
  }
  const ids = [...new Set([self.id, ...membership.voters, ...membership.learners])].sort();
  return {
    cluster: self.cluster,
    term: BigInt(self.term),
    role: self.role,
    master: self.master ?? undefined,
    byOrder: self.byOrder,
    self: self.id,
    commitIndex: BigInt(self.commitIndex),
    earlierCluster: self.earlierCluster,
    members: ids.map((id) =>
      id === self.id
        ? ownStatus(self, isVoter(membership, id))
        : otherStatus(self, id, isVoter(membership, id), latest.get(id)),
    ),
  };
}

function ownStatus(self: SelfView, voter: boolean): MemberStatus {
  return {
    id: self.id,
    name: self.name,
    address: self.host,
    clientPort: self.clientPort,
    role: self.role,
    voter,
    alive: true,
    lastKeepaliveMs: 0,
    appliedIndex: BigInt(self.appliedIndex),
    lag: BigInt(Math.max(0, self.commitIndex - self.appliedIndex)),
    stateHash: self.stateHash,
  };
}

function otherStatus(self: SelfView, id: MemberId, voter: boolean, view: MemberView | undefined): MemberStatus {
  const keepalive = view?.keepalive;
  const alive = view?.state === 'alive';
  const appliedIndex = keepalive?.appliedIndex ?? 0;
  return {
    id,
    name: keepalive?.name ?? '',
    address: view?.peer.host ?? '',
    clientPort: keepalive?.clientPort ?? 0,
    // A dead master's last word is not its role any more.
    role: id === self.master ? 'master' : restingRole(alive ? keepalive?.role : undefined, voter),
    voter,
    alive,
    left: !alive && view?.left === true,
    lastKeepaliveMs: view === undefined ? UNHEARD_MS : Math.round(view.silentMs),
    appliedIndex: BigInt(appliedIndex),
    lag: BigInt(Math.max(0, self.commitIndex - appliedIndex)),
    stateHash: keepalive?.stateHash ?? '',
  };
}

function restingRole(said: Role | undefined, voter: boolean): Role {
  return said === 'candidate' ? said : voter ? 'slave' : 'learner';
}

/** `lastKeepaliveMs` of a member that was never heard. */
export const UNHEARD_MS = Number.MAX_SAFE_INTEGER;

function isNewer(view: MemberView, than: MemberView): boolean {
  if ((view.state === 'alive') !== (than.state === 'alive')) return view.state === 'alive';
  return view.peer.incarnation.boot >= than.peer.incarnation.boot;
}
