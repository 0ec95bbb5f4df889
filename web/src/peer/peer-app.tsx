import { useComputed } from '@preact/signals';
import { AppShell, type NavItem } from '../components/app-shell.tsx';
import { Banner } from '../components/banner.tsx';
import { ConnectionStatus } from '../components/connection-status.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { Page } from '../components/page.tsx';
import { Toasts } from '../components/toasts.tsx';
import { formatCompact } from '../formatting/numbers.ts';
import { path } from '../routing/router.ts';
import { ContentsPage } from './contents/contents-page.tsx';
import { ContentPage } from './downloads/content-page.tsx';
import { DownloadsPage } from './downloads/downloads-page.tsx';
import { connection, isKnown, peer } from './live/peer-live.ts';
import { SharePage } from './share/share-page.tsx';
import { TransferPage } from './transfer/transfer-page.tsx';

export function PeerApp() {
  return (
    <>
      <AppShell subtitle="peer" nav={useNav()} status={<LiveStatus />} banners={<PeerBanners />}>
        {isKnown.value ? <CurrentPage /> : <Waiting />}
      </AppShell>
      <Toasts />
    </>
  );
}

function useNav(): NavItem[] {
  const contents = peer.contents.value.length;
  // Numbers change less often than what they are of.
  const underWay = useComputed(
    () => peer.shares.value.filter(({ state }) => state !== 'done' && state !== 'failed').length,
  ).value;
  return [
    {
      href: '/',
      label: 'Downloads',
      icon: 'download',
      count: contents === 0 ? undefined : formatCompact(contents),
    },
    { href: '/contents', label: 'Contents', icon: 'contents' },
    { href: '/share', label: 'Share', icon: 'share', count: underWay === 0 ? undefined : formatCompact(underWay) },
    { href: '/transfer', label: 'Transfer', icon: 'activity' },
  ];
}

function CurrentPage() {
  const [, first, second, ...rest] = path.value.split('/');
  if (rest.length === 0 && second === undefined) {
    if (first === '') return <DownloadsPage />;
    if (first === 'contents') return <ContentsPage />;
    if (first === 'share') return <SharePage />;
    if (first === 'transfer') return <TransferPage />;
  }
  if (rest.length === 0 && first === 'downloads' && second !== undefined)
    return <ContentPage key={second} sha1={second} />;
  return (
    <Page title="There is no such page">
      <EmptyState icon="search" title="Nothing is at this address" action={<a href="/">To the downloads</a>} />
    </Page>
  );
}

function Waiting() {
  return (
    <Page title="Downloads">
      <EmptyState icon="activity" title="Connecting to the peer …" />
    </Page>
  );
}

function LiveStatus() {
  const tracker = peer.status.value?.tracker;
  if (connection.value.state === 'lost') {
    return <ConnectionStatus tone="danger">The peer does not answer</ConnectionStatus>;
  }
  if (connection.value.state === 'connecting') return <ConnectionStatus tone="warning">Connecting …</ConnectionStatus>;
  if (!tracker) return <ConnectionStatus tone="warning">Running, no tracker answers</ConnectionStatus>;
  return (
    <ConnectionStatus tone="ok" title={`The tracker at ${tracker} answers`}>
      Tracker {tracker}
    </ConnectionStatus>
  );
}

function PeerBanners() {
  if (connection.value.state === 'lost') {
    return (
      <Banner tone="warning" title="The peer does not answer; this page tries again by itself">
        What you see is what was known last. If it was stopped, start it again: <code>swarmkeeper peer</code>
      </Banner>
    );
  }
  if (peer.status.value?.tracker !== null) return null;
  return (
    <Banner tone="warning" title="No tracker answers">
      Until one does, nobody finds what you share, and the list of contents is empty. Start one with{' '}
      <code>swarmkeeper up</code>; this peer finds it by itself.
    </Banner>
  );
}
