import type { ClusterStatus } from '../cluster/replicated-log.ts';
import { safeNumber } from './safe-number.ts';
import type { Cluster } from './schemas.ts';

/**
 * The cluster's status as the API gives it.
 * @param masterSince Unix time, milliseconds
 */
export function clusterJson(status: ClusterStatus, masterSince: number | null = null): Cluster {
  return {
    cluster: status.cluster,
    term: safeNumber(status.term),
    master: status.master ?? null,
    masterSince,
    self: status.self,
    commitIndex: safeNumber(status.commitIndex),
    earlierCluster: status.earlierCluster ?? null,
    members: status.members.map((member) => ({
      ...member,
      appliedIndex: safeNumber(member.appliedIndex),
      lag: safeNumber(member.lag),
    })),
  };
}
