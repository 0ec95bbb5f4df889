import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Sample, TimelineEvent } from '../../../src/api/event-schemas.ts';
import type { Cluster } from '../../../src/api/schemas.ts';
import {
  type ClusterState,
  MAX_SAMPLES,
  MAX_TIMELINE,
  withCluster,
  withSample,
  withSnapshot,
  withTimelineEvent,
} from './cluster-state.ts';

const cluster: Cluster = {
  cluster: 'a',
  term: 1,
  master: 'm',
  masterSince: 900,
  self: 'm',
  commitIndex: 5,
  earlierCluster: null,
  members: [],
};
const sampleAt = (at: number) => ({ at, announces: at }) as Sample;
const eventOf = (id: number) => ({ id, at: id, kind: 'election' }) as TimelineEvent;
const empty: ClusterState = { cluster, samples: [], timeline: [], clockAheadMs: 0 };

test('a snapshot replaces everything and tells how far the clocks are apart', () => {
  const snapshot = { at: 1_500, cluster, samples: [sampleAt(1_000)], timeline: [eventOf(1)] };
  assert.deepEqual(withSnapshot(snapshot, 1_000), {
    cluster,
    samples: snapshot.samples,
    timeline: snapshot.timeline,
    clockAheadMs: 500,
  });
});

test('samples are added at the end, and the oldest go', () => {
  let state = empty;
  for (let at = 1; at <= MAX_SAMPLES + 10; at++) state = withSample(state, sampleAt(at));
  assert.equal(state.samples.length, MAX_SAMPLES);
  assert.deepEqual([state.samples[0].at, state.samples.at(-1)!.at], [11, MAX_SAMPLES + 10]);
});

test('when the clock of the instance is set back the samples begin anew', () => {
  const state = [1_000, 2_000, 500].map(sampleAt).reduce(withSample, empty);
  assert.deepEqual(
    state.samples.map(({ at }) => at),
    [500],
  );
});

test('events are added at the front, once each, and the oldest go', () => {
  let state = empty;
  for (let id = 1; id <= MAX_TIMELINE + 5; id++) state = withTimelineEvent(state, eventOf(id));
  state = withTimelineEvent(state, eventOf(MAX_TIMELINE));
  assert.equal(state.timeline.length, MAX_TIMELINE);
  assert.deepEqual([state.timeline[0].id, state.timeline.at(-1)!.id], [MAX_TIMELINE + 5, 6]);
});

test('a change of the cluster leaves the rest as it is', () => {
  const state = withSample(empty, sampleAt(1));
  const next = withCluster(state, { ...cluster, term: 2 });
  assert.deepEqual([next.cluster.term, next.samples], [2, state.samples]);
});
