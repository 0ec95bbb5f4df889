// What is to be said of a cluster's state: pure, so that it can be tested.

import type { Cluster, Member } from '../../../../src/api/schemas.ts';

/** A member further behind than that is not just a message away. */
export const LAGGING_ENTRIES = 1_000;

export interface ClusterHealth {
  readonly state: 'healthy' | 'degraded' | 'electing' | 'no-quorum';
  readonly voters: number;
  readonly votersAlive: number;
  /** Voters that a decision needs. */
  readonly quorum: number;
  /** Voters that may still be lost while the cluster goes on. */
  readonly maySpare: number;
  /** Most urgent first. */
  readonly findings: readonly Finding[];
}

export type Finding =
  | { readonly kind: 'no-quorum' | 'election' }
  | { readonly kind: 'diverged' | 'dead' | 'lagging'; readonly members: readonly Member[] }
  | { readonly kind: 'earlier-cluster'; readonly address: string };

export function healthOf(cluster: Cluster): ClusterHealth {
  const voters = cluster.members.filter(({ voter }) => voter);
  const votersAlive = voters.filter(({ alive }) => alive).length;
  const quorum = Math.floor(voters.length / 2) + 1;
  const findings = findingsOf(cluster, votersAlive < quorum);
  return {
    state: stateOf(findings),
    voters: voters.length,
    votersAlive,
    quorum,
    maySpare: Math.max(0, votersAlive - quorum),
    findings,
  };
}

function findingsOf(cluster: Cluster, quorumLost: boolean): Finding[] {
  const { members, master: masterId, earlierCluster } = cluster;
  const master = members.find(({ id }) => id === masterId);
  const findings: Finding[] = [];
  if (quorumLost) findings.push({ kind: 'no-quorum' });
  else if (masterId === null) findings.push({ kind: 'election' });

  const add = (kind: 'diverged' | 'dead' | 'lagging', is: (member: Member) => boolean) => {
    const found = members.filter(is);
    if (found.length > 0) findings.push({ kind, members: found });
  };
  add('diverged', (member) => master !== undefined && differs(member, master));
  add('dead', ({ alive }) => !alive);
  // A learner is behind while it catches up: that is what it is.
  add('lagging', ({ alive, voter, lag }) => alive && voter && lag > LAGGING_ENTRIES);
  if (earlierCluster !== null) findings.push({ kind: 'earlier-cluster', address: earlierCluster });
  return findings;
}

/** Whether it has another state at the same place of the log. */
export function differs(member: Member, master: Member): boolean {
  if (member.stateHash === '' || master.stateHash === '') return false;
  return member.appliedIndex === master.appliedIndex && member.stateHash !== master.stateHash;
}

function stateOf(findings: readonly Finding[]): ClusterHealth['state'] {
  const [first] = findings;
  if (first === undefined) return 'healthy';
  if (first.kind === 'no-quorum') return 'no-quorum';
  return first.kind === 'election' ? 'electing' : 'degraded';
}
