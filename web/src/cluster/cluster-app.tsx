import { AppShell, type NavItem } from '../components/app-shell.tsx';
import { ConnectionStatus } from '../components/connection-status.tsx';
import { Page } from '../components/page.tsx';
import { Toasts } from '../components/toasts.tsx';

const NAV: readonly NavItem[] = [
  { href: '/', label: 'Overview', icon: 'overview' },
  { href: '/contents', label: 'Contents', icon: 'contents' },
  { href: '/settings', label: 'Settings', icon: 'settings' },
];

export function ClusterApp() {
  return (
    <>
      <AppShell subtitle="cluster" nav={NAV} status={<ConnectionStatus tone="ok">Connected</ConnectionStatus>}>
        <Page title="Overview">…</Page>
      </AppShell>
      <Toasts />
    </>
  );
}
