// How it stands with a content, in words. Pure, so that it can be tested.

import type { PeerContentView } from '../../../../src/api/peer/peer-schemas.ts';
import type { Tone } from '../../components/badge.tsx';
import type { IconName } from '../../components/icon.tsx';
import { formatDuration } from '../../formatting/durations.ts';

export interface StateWords {
  readonly label: string;
  readonly icon: IconName;
  readonly tone: Tone;
}

export function stateOf({ state, reason, peers, downSpeed }: PeerContentView): StateWords {
  switch (state) {
    case 'metadata':
      return { label: 'Looking for it', icon: 'search', tone: 'info' };
    case 'checking':
      return { label: 'Checking', icon: 'refresh', tone: 'info' };
    case 'downloading':
      if (peers === 0) return { label: 'Looking for peers', icon: 'search', tone: 'warning' };
      return downSpeed > 0
        ? { label: 'Downloading', icon: 'download', tone: 'info' }
        : { label: 'Waiting for peers', icon: 'clock', tone: 'warning' };
    case 'seeding':
      return { label: 'Sharing', icon: 'share', tone: 'ok' };
    case 'paused':
      if (reason !== null) return { label: 'Stopped', icon: 'error', tone: 'danger' };
      return { label: 'Paused', icon: 'pause', tone: 'neutral' };
  }
}

/** From 0 to 1; undefined while nobody knows. */
export function progressOf({ bytesDone, size, state }: PeerContentView): number | undefined {
  if (state === 'seeding') return 1;
  if (size === null || state === 'metadata') return undefined;
  return size === 0 ? 1 : bytesDone / size;
}

/** How long it takes at this speed; undefined where that means nothing. */
export function timeLeft({ state, size, bytesDone, downSpeed }: PeerContentView): string | undefined {
  if (state !== 'downloading' || size === null || downSpeed < 1) return undefined;
  const ms = ((size - bytesDone) / downSpeed) * 1_000;
  return ms > MOST_MS ? 'more than a year' : formatDuration(Math.max(1_000, ms));
}

const MOST_MS = 365 * 24 * 60 * 60 * 1_000;

export type Filter = 'all' | 'downloading' | 'sharing' | 'paused';

export function isIn({ state, name, sha1 }: PeerContentView, filter: Filter, search: string): boolean {
  const fits =
    filter === 'all' ||
    (filter === 'sharing' && state === 'seeding') ||
    (filter === 'paused' && state === 'paused') ||
    (filter === 'downloading' && (state === 'downloading' || state === 'metadata' || state === 'checking'));
  return fits && (search === '' || fold(name ?? '').includes(fold(search)) || sha1.startsWith(search.toLowerCase()));
}

function fold(text: string): string {
  return text.normalize().toLowerCase();
}

/** BEP 9; who gets it asks the cluster for peers, so that no tracker need be named. */
export function magnetLink({ sha1, name }: Pick<PeerContentView, 'sha1' | 'name'>): string {
  return `magnet:?xt=urn:btih:${sha1}${name === null ? '' : `&dn=${encodeURIComponent(name.toWellFormed())}`}`;
}
