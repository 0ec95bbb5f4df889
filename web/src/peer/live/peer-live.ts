// The live state of the peer pages.

import { computed, signal } from '@preact/signals';
import type { PeerChanges, PeerSnapshot } from '../../../../src/api/peer/peer-schemas.ts';
import { type Connection, openEventStream } from '../../live/event-stream.ts';
import { whileVisible } from '../../live/while-visible.ts';
import { PeerState } from './peer-state.ts';

/** Samples come every second. */
const SILENCE_MS = 5_000;

export const peer = new PeerState();
export const connection = signal<Connection>({ state: 'connecting', origin: '', since: Date.now() });
/** Whether anything is known at all. */
export const isKnown = computed(() => peer.status.value !== undefined);

/** Once, when the pages start. */
export function startPeerLive(): void {
  whileVisible(() =>
    openEventStream<{ snapshot: PeerSnapshot; changes: PeerChanges }>({
      path: '/api/v1/events',
      silenceMs: SILENCE_MS,
      onConnection: (next) => {
        connection.value = next;
      },
      on: {
        snapshot: (snapshot) => peer.snapshot(snapshot),
        changes: (changes) => peer.changes(changes),
      },
    }),
  );
}
