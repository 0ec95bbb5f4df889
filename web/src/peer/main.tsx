import { render } from 'preact';
import { AppShell } from '../components/app-shell.tsx';
import { ConnectionStatus } from '../components/connection-status.tsx';
import { Page } from '../components/page.tsx';
import { startRouting } from '../routing/router.ts';

startRouting();
render(
  <AppShell subtitle="peer" nav={[]} status={<ConnectionStatus tone="ok">Connected</ConnectionStatus>}>
    <Page title="Contents">…</Page>
  </AppShell>,
  document.getElementById('app')!,
);
