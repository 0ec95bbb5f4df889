import { type Signal, signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import type { ConnectedPeerView, ContentChanges, ContentSnapshot } from '../../../../src/api/peer/peer-schemas.ts';
import { openEventStream } from '../../live/event-stream.ts';
import { whileVisible } from '../../live/while-visible.ts';
import { PieceMap } from './piece-map.ts';

/** It may have nothing to say for long; that the peer is gone is known from its other events. */
const SILENCE_MS = 0x7fffffff;

/** The inside of one content, as signals. */
export interface ContentLive {
  /** Null while its metadata is not known, undefined before anything is; the map itself changes with `changes`. */
  readonly map: Signal<PieceMap | null | undefined>;
  readonly changes: Signal<number>;
  readonly peers: Signal<readonly ConnectedPeerView[]>;
}

/** Follows a content as long as it is shown. */
export function useContentLive(sha1: string): ContentLive {
  const [live] = useState<ContentLive>(() => ({ map: signal(undefined), changes: signal(0), peers: signal([]) }));
  useEffect(
    () =>
      whileVisible(() =>
        openEventStream<{ snapshot: ContentSnapshot; changes: ContentChanges; removed: object }>({
          path: `/api/v1/contents/${sha1}/events`,
          silenceMs: SILENCE_MS,
          onConnection: () => {},
          on: {
            snapshot: ({ pieces, peers }) => {
              live.map.value = pieces && new PieceMap(pieces);
              live.changes.value++;
              live.peers.value = peers;
            },
            changes: ({ runs, peers }) => {
              if (runs) live.map.value?.apply(runs);
              if (runs) live.changes.value++;
              if (peers) live.peers.value = peers;
            },
            removed: () => {},
          },
        }),
      ),
    [sha1, live],
  );
  return live;
}
