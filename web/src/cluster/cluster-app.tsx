import { computed } from '@preact/signals';
import { AppShell, type NavItem } from '../components/app-shell.tsx';
import { Banner } from '../components/banner.tsx';
import { ConnectionStatus } from '../components/connection-status.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { Page } from '../components/page.tsx';
import { Toasts } from '../components/toasts.tsx';
import { formatCompact } from '../formatting/numbers.ts';
import { cluster, connection, isKnown, samples } from '../live/cluster-live.ts';
import { addressOf } from '../live/member-address.ts';
import { path } from '../routing/router.ts';
import { ContentPage } from './contents/content-page.tsx';
import { ContentsPage } from './contents/contents-page.tsx';
import { healthOf } from './overview/cluster-health.ts';
import { HealthBanners } from './overview/health-banners.tsx';
import { OverviewPage } from './overview/overview-page.tsx';
import { SettingsPage } from './settings/settings-page.tsx';

const clusterName = computed(() => cluster.value?.cluster ?? 'cluster');
const contentsCount = computed(() => {
  const count = samples.value.at(-1)?.contents;
  return count === undefined ? '' : formatCompact(count);
});
const NAV: readonly NavItem[] = [
  { href: '/', label: 'Overview', icon: 'overview' },
  { href: '/contents', label: 'Contents', icon: 'contents', count: contentsCount },
  { href: '/settings', label: 'Settings', icon: 'settings' },
];

export function ClusterApp() {
  return (
    <>
      <AppShell
        subtitle={<bdi>{clusterName}</bdi>}
        nav={NAV}
        status={<LiveStatus />}
        banners={
          <>
            <ConnectionBanner />
            <CurrentHealth />
          </>
        }
      >
        {isKnown.value ? <CurrentPage /> : <Waiting />}
      </AppShell>
      <Toasts />
    </>
  );
}

function CurrentPage() {
  const [, first, second, ...rest] = path.value.split('/');
  if (rest.length === 0) {
    if (first === '') return <OverviewPage />;
    if (first === 'settings' && second === undefined) return <SettingsPage />;
    if (first === 'contents')
      return second === undefined ? <ContentsPage /> : <ContentPage key={second} sha1={second} />;
  }
  return (
    <Page title="There is no such page">
      <EmptyState icon="search" title="Nothing is at this address" action={<a href="/">To the overview</a>} />
    </Page>
  );
}

/** What was known last of the cluster's health means nothing while the connection is lost. */
function CurrentHealth() {
  if (cluster.value === undefined || connection.value.state !== 'live') return null;
  return <HealthBanners health={healthOf(cluster.value)} />;
}

function Waiting() {
  const lost = connection.value.state !== 'live';
  return (
    <Page title="Overview">
      <EmptyState icon="activity" title={lost ? 'Connecting to the cluster …' : 'Waiting for the first answer …'} />
    </Page>
  );
}

/** The name of the instance that is connected, by the cluster's own word. */
const connectedName = computed(() => {
  const self = cluster.value?.members.find(({ id }) => id === cluster.value?.self);
  return self?.name || (self && addressOf(self)) || 'the cluster';
});

function LiveStatus() {
  switch (connection.value.state) {
    case 'connecting':
      return <ConnectionStatus tone="warning">Connecting …</ConnectionStatus>;
    case 'lost':
      return <ConnectionStatus tone="danger">Connection lost, trying again</ConnectionStatus>;
    case 'live':
      return (
        <ConnectionStatus
          tone={connection.value.origin === '' ? 'ok' : 'warning'}
          title={`Live from ${connectedName.value}`}
        >
          Live from <bdi>{connectedName}</bdi>
        </ConnectionStatus>
      );
  }
}

function ConnectionBanner() {
  const { state, origin } = connection.value;
  if (state === 'lost' && isKnown.value) {
    return (
      <Banner tone="warning" title="The connection is lost; this page tries again by itself">
        What you see is what was known last. It turns to the other members too.
      </Banner>
    );
  }
  if (state !== 'live' || origin === '') return null;
  return (
    <Banner
      tone="info"
      title={
        <>
          Connected to <bdi>{connectedName}</bdi> instead of {location.host}, which does not answer
        </>
      }
    >
      This page goes back by itself as soon as it can.
    </Banner>
  );
}
