// What the events of an instance come to: pure, so that it can be tested. Shapes and bounds are those of src/api/event-schemas.ts.

import type { Sample, Snapshot, TimelineEvent } from '../../../src/api/event-schemas.ts';
import type { Cluster } from '../../../src/api/schemas.ts';

/** Kept for the charts: five minutes, as many as a snapshot brings. */
export const MAX_SAMPLES = 300;
/** Kept of what happened. */
export const MAX_TIMELINE = 200;

export interface ClusterState {
  readonly cluster: Cluster;
  /** Of the instance that is connected. Oldest first, at most MAX_SAMPLES, no two of the same time. */
  readonly samples: readonly Sample[];
  /** Newest first, at most MAX_TIMELINE. */
  readonly timeline: readonly TimelineEvent[];
  /** How far the instance's clock is ahead of this machine's, milliseconds. */
  readonly clockAheadMs: number;
}

/** @param now of this machine, Unix time in milliseconds */
export function withSnapshot({ at, cluster, samples, timeline }: Snapshot, now: number): ClusterState {
  return {
    cluster,
    samples: samples.slice(-MAX_SAMPLES),
    timeline: timeline.slice(0, MAX_TIMELINE),
    clockAheadMs: at - now,
  };
}

export function withCluster(state: ClusterState, cluster: Cluster): ClusterState {
  return { ...state, cluster };
}

/** A clock that was set back empties the charts: time runs to the right only. */
export function withSample(state: ClusterState, sample: Sample): ClusterState {
  const last = state.samples.at(-1);
  const before = last === undefined || last.at < sample.at ? state.samples : [];
  return { ...state, samples: [...before, sample].slice(-MAX_SAMPLES) };
}

/** The same event twice counts once. */
export function withTimelineEvent(state: ClusterState, event: TimelineEvent): ClusterState {
  if (state.timeline.some(({ id }) => id === event.id)) return state;
  return { ...state, timeline: [event, ...state.timeline].slice(0, MAX_TIMELINE) };
}
