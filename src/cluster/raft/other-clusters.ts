import type { ClusterId } from '../consensus/identity.ts';
import { FOREIGN_REPORT_MS } from '../transport/member-transport.ts';
import { isEarlier } from './cluster-uuid.ts';

/**
 * Formed clusters of the same name (and key) that are in reach, each proven by a connection. They never merge with this one. But
 * peers that ask by multicast must get one answer only: the cluster that was founded later leaves them to the earlier.
 */
export class OtherClusters {
  readonly #now: () => number;
  /** Where and when each was last met; the transport reports at most MAX_FOREIGN. */
  readonly #met = new Map<ClusterId, { readonly host: string; readonly at: number }>();

  /** @param now milliseconds of a monotonic clock */
  constructor(now: () => number) {
    this.#now = now;
  }

  met(cluster: ClusterId, host: string): void {
    const since = this.#now() - GONE_MS;
    for (const [id, { at }] of this.#met) if (at < since) this.#met.delete(id);
    this.#met.set(cluster, { host, at: this.#now() });
  }

  /** Where a cluster is that was founded before `own`; undefined: there is none. */
  earlierThan(own: ClusterId): string | undefined {
    const since = this.#now() - GONE_MS;
    for (const [id, { host, at }] of this.#met) if (at >= since && isEarlier(id, own)) return host;
    return undefined;
  }
}

/** One that is still there is reported every FOREIGN_REPORT_MS and a little. */
const GONE_MS = FOREIGN_REPORT_MS + 10_000;
