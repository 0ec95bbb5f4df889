import type { TimelineKind } from '../../../../src/api/event-schemas.ts';
import type { Tone } from '../../components/badge.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import type { IconName } from '../../components/icon.tsx';
import { TimeLine } from '../../components/time-line.tsx';
import { visibleName } from '../../formatting/names.ts';
import { localTime, timeline } from '../../live/cluster-live.ts';

const LOOKS: Record<TimelineKind, { icon: IconName; tone: Tone }> = {
  started: { icon: 'play', tone: 'neutral' },
  election: { icon: 'vote', tone: 'warning' },
  master: { icon: 'crown', tone: 'info' },
  'handed-over': { icon: 'swap', tone: 'neutral' },
  joined: { icon: 'join', tone: 'neutral' },
  promoted: { icon: 'up', tone: 'ok' },
  demoted: { icon: 'down', tone: 'neutral' },
  removed: { icon: 'trash', tone: 'neutral' },
  died: { icon: 'cross', tone: 'danger' },
  returned: { icon: 'check', tone: 'ok' },
  left: { icon: 'leave', tone: 'neutral' },
  'no-quorum': { icon: 'error', tone: 'danger' },
  quorum: { icon: 'check', tone: 'ok' },
  diverged: { icon: 'error', tone: 'danger' },
};

export function ClusterTimeLine() {
  const events = timeline.value;
  if (events.length === 0) {
    return (
      <EmptyState icon="clock" title="Nothing has happened yet">
        Elections, joins and deaths will be told here.
      </EmptyState>
    );
  }
  return (
    <TimeLine
      label="What happened to the cluster"
      entries={events.map(({ id, at, kind, member, text }) => ({
        key: id,
        at: localTime(at),
        ...LOOKS[kind],
        text: <bdi dir="auto">{sentence(text, member?.name)}</bdi>,
      }))}
    />
  );
}

/** Begins with a capital, unless it begins with a name. */
function sentence(text: string, name: string | undefined): string {
  const shown = visibleName(text);
  return name !== undefined && text.startsWith(name) ? shown : shown.charAt(0).toUpperCase() + shown.slice(1);
}
