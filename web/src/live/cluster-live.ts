// The live state of the cluster pages, as signals.

import { computed, signal } from '@preact/signals';
import type { Sample, Snapshot, TimelineEvent } from '../../../src/api/event-schemas.ts';
import type { Cluster } from '../../../src/api/schemas.ts';
import { apiOrigin } from '../api/api-client.ts';
import { type ClusterState, withCluster, withSample, withSnapshot, withTimelineEvent } from './cluster-state.ts';
import { type Connection, openEventStream } from './event-stream.ts';
import { originsOf } from './member-address.ts';
import { whileVisible } from './while-visible.ts';

/** Samples come every second. */
const SILENCE_MS = 5_000;

/** Undefined until the first snapshot; what was known last while the connection is lost. */
export const live = signal<ClusterState | undefined>(undefined);
export const connection = signal<Connection>({ state: 'connecting', origin: '', since: Date.now() });

// Parts of it, so that what shows one of them is drawn anew only when that one changes.
export const isKnown = computed(() => live.value !== undefined);
export const cluster = computed(() => live.value?.cluster);
export const samples = computed(() => live.value?.samples ?? []);
export const timeline = computed(() => live.value?.timeline ?? []);
/** Rises with each change of the contents or of the lists. */
export const commitIndex = computed(() => cluster.value?.commitIndex);

/** Once, when the pages start. */
export function startLive(): void {
  whileVisible(() =>
    openEventStream<{ snapshot: Snapshot; cluster: Cluster; sample: Sample; timeline: TimelineEvent }>({
      path: '/api/v1/events',
      silenceMs: SILENCE_MS,
      others: () => (live.value === undefined ? [] : originsOf(live.value.cluster, location.origin)),
      onConnection: (next) => {
        connection.value = next;
        if (next.state === 'live') apiOrigin.value = next.origin;
      },
      on: {
        snapshot: (snapshot) => {
          live.value = withSnapshot(snapshot, Date.now());
        },
        cluster: (next) => update((state) => withCluster(state, next)),
        sample: (sample) => update((state) => withSample(state, sample)),
        timeline: (event) => update((state) => withTimelineEvent(state, event)),
      },
    }),
  );
}

function update(change: (state: ClusterState) => ClusterState): void {
  if (live.value !== undefined) live.value = change(live.value);
}

/** A time that the instance told, on the clock of this machine. */
export function localTime(at: number): number {
  return at - (live.value?.clockAheadMs ?? 0);
}
