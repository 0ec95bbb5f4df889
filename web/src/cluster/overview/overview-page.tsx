import { computed } from '@preact/signals';
import { Badge } from '../../components/badge.tsx';
import { Card, StatTile, StatTiles } from '../../components/card.tsx';
import { Page } from '../../components/page.tsx';
import { Name, RelativeTime } from '../../components/text.tsx';
import { formatCompact, formatCount } from '../../formatting/numbers.ts';
import { cluster, localTime, samples } from '../../live/cluster-live.ts';
import { PeerPagesButton } from '../peer-pages.tsx';
import { healthOf } from './cluster-health.ts';
import { ClusterTimeLine } from './cluster-time-line.tsx';
import { MembersTable } from './members-table.tsx';
import { RateCharts } from './rate-charts.tsx';

/** Is the cluster healthy, what does it do, what happened. */
export function OverviewPage() {
  return (
    <Page
      title="Overview"
      heading={<ClusterName />}
      note={<HealthBadge />}
      actions={
        <>
          <MasterNote />
          <PeerPagesButton label="Share a file" icon="share" path="/share" />
          <PeerPagesButton label="Download" icon="download" path="/contents" />
        </>
      }
    >
      <Numbers />
      <Card title="Members" note={<QuorumNote />} flush>
        <MembersTable />
      </Card>
      <div class="overview-columns">
        <RateCharts />
        <Card title="What happened" flush>
          <ClusterTimeLine />
        </Card>
      </div>
    </Page>
  );
}

const health = computed(() => healthOf(cluster.value!));
const healthState = computed(() => health.value.state);

function ClusterName() {
  return <bdi dir="auto">{cluster.value!.cluster}</bdi>;
}

function HealthBadge() {
  switch (healthState.value) {
    case 'healthy':
      return (
        <Badge tone="ok" icon="check">
          Healthy
        </Badge>
      );
    case 'degraded':
      return (
        <Badge tone="warning" icon="warning">
          Degraded
        </Badge>
      );
    case 'electing':
      return (
        <Badge tone="warning" icon="vote">
          Electing a master
        </Badge>
      );
    case 'no-quorum':
      return (
        <Badge tone="danger" icon="error">
          No quorum
        </Badge>
      );
  }
}

function MasterNote() {
  const { members, master: masterId, masterSince, term } = cluster.value!;
  const master = members.find(({ id }) => id === masterId);
  return (
    <p class="master-note">
      {master === undefined ? (
        'No master'
      ) : (
        <>
          <span class="soft">Master</span> <Name value={master.name} />
          {masterSince !== null && (
            <span class="soft">
              {' '}
              for <RelativeTime at={localTime(masterSince)} elapsed />
            </span>
          )}
        </>
      )}
      <span class="faint"> · term {formatCount(term)}</span>
    </p>
  );
}

function Numbers() {
  const sample = samples.value.at(-1);
  const { votersAlive, voters, maySpare } = health.value;
  return (
    <StatTiles label="The cluster in numbers">
      <StatTile
        label="Voters alive"
        value={`${votersAlive} / ${voters}`}
        detail={maySpare === 0 ? 'cannot lose another' : `can lose ${maySpare} more`}
      />
      <StatTile label="Contents" value={told(sample?.contents)} detail="with peers" />
      <StatTile
        label="Peers"
        value={told(sample?.peers)}
        detail={sample && `${formatCompact(sample.seeders)} seeders · ${formatCompact(sample.leechers)} leechers`}
      />
      <StatTile
        label="Announces"
        value={told(sample?.announces)}
        unit="/s"
        detail={sample && `${formatCompact(sample.arrivals)}/s changed something`}
      />
      <StatTile
        label="Forwarded"
        value={told(sample?.forwarded)}
        unit="/s"
        detail={
          sample && sample.dropped > 0 ? `${formatCompact(sample.dropped)}/s dropped` : 'to the master; none dropped'
        }
      />
    </StatTiles>
  );
}

function told(value: number | undefined): string {
  return value === undefined ? '–' : formatCompact(value);
}

/** A cell of the comb for each voter, filled while it lives. */
function QuorumNote() {
  const { quorum, voters, votersAlive } = health.value;
  return (
    <span class="quorum">
      <span class="quorum-cells">
        {Array.from({ length: voters }, (_, i) => (
          <svg
            key={i}
            aria-hidden="true"
            class={i < votersAlive ? 'quorum-alive' : 'quorum-dead'}
            width="14"
            height="14"
            viewBox="0 0 16 16"
          >
            <path d="M8 1.2 13.9 4.6v6.8L8 14.8l-5.9-3.4V4.6Z" />
          </svg>
        ))}
      </span>
      {quorum} of {voters} voters decide
    </span>
  );
}
