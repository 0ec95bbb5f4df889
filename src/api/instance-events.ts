import type { ServerResponse } from 'node:http';
import type { ClusterStatus } from '../cluster/replicated-log.ts';
import type { Tracker } from '../tracker/tracker.ts';
import { ClusterHistory } from './cluster-history.ts';
import { clusterJson } from './cluster-json.ts';
import { MAX_CLUSTER_MS, MIN_CLUSTER_MS, SAMPLE_MS, type Snapshot } from './event-schemas.ts';
import { EventStreams, eventText } from './event-streams.ts';
import { Samples } from './samples.ts';
import type { Cluster } from './schemas.ts';

/** The events of an instance: what happens to its cluster and what it does, remembered, and told to those who listen. */
export class InstanceEvents {
  readonly #tracker: Tracker;
  readonly #history: ClusterHistory;
  readonly #samples: Samples;
  readonly #streams = new EventStreams();
  readonly #unlisten: () => void;
  readonly #sampler: NodeJS.Timeout;
  /** Sends the cluster when it may be sent again; undefined while there is no need. */
  #due: NodeJS.Timeout | undefined;
  #sentAt = Number.NEGATIVE_INFINITY;
  #sent = '';

  constructor(tracker: Tracker) {
    this.#tracker = tracker;
    this.#history = new ClusterHistory(tracker.status(), Date.now());
    this.#samples = new Samples(tracker);
    this.#unlisten = tracker.onStatus((status) => this.#changed(status));
    this.#sampler = setInterval(() => this.#sample(), SAMPLE_MS).unref();
  }

  /** The cluster as of now. */
  cluster(): Cluster {
    return this.#json(this.#tracker.status());
  }

  /** @throws {ApiError} TOO_MANY */
  listen(response: ServerResponse, headers: Readonly<Record<string, string>>): void {
    const snapshot: Snapshot = {
      at: Date.now(),
      cluster: this.cluster(),
      samples: this.#samples.all,
      timeline: this.#history.timeline,
    };
    this.#streams.open(response, headers, eventText('snapshot', snapshot));
  }

  /** Ends all streams. Can be called twice. */
  close(): void {
    this.#unlisten();
    clearInterval(this.#sampler);
    clearTimeout(this.#due);
    this.#streams.close();
  }

  #json(status: ClusterStatus): Cluster {
    return clusterJson(this.#history.complete(status, Date.now()), this.#history.masterSince);
  }

  #changed(status: ClusterStatus): void {
    for (const event of this.#history.update(status, Date.now())) this.#streams.send(eventText('timeline', event));
    if (this.#streams.size > 0) this.#scheduleCluster();
  }

  #scheduleCluster(): void {
    if (this.#due !== undefined) return;
    const waitMs = Math.max(0, this.#sentAt + MIN_CLUSTER_MS - performance.now());
    this.#due = setTimeout(() => {
      this.#due = undefined;
      this.#sendCluster(this.cluster());
    }, waitMs).unref();
  }

  /** What differs in nothing but the age of the keepalives is news only now and then. */
  #sendCluster(cluster: Cluster): void {
    const silent = performance.now() - this.#sentAt >= MAX_CLUSTER_MS - SAMPLE_MS;
    const said = JSON.stringify({
      ...cluster,
      members: cluster.members.map((each) => ({ ...each, lastKeepaliveMs: 0 })),
    });
    if (said === this.#sent && !silent) return;
    this.#sent = said;
    this.#sentAt = performance.now();
    this.#streams.send(eventText('cluster', cluster));
  }

  #sample(): void {
    this.#streams.send(eventText('sample', this.#samples.take()));
    if (this.#streams.size > 0) this.#scheduleCluster();
  }
}
