import { computed } from '@preact/signals';
import type { Settings } from '../../../../src/api/schemas.ts';
import { adminToken, getJson } from '../../api/api-client.ts';
import { useResource } from '../../api/use-resource.ts';
import { Banner } from '../../components/banner.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { Page } from '../../components/page.tsx';
import { cluster, connection } from '../../live/cluster-live.ts';
import { Access } from './access.tsx';
import { AdmissionCard } from './admission.tsx';
import { ClusterFacts, InstanceFacts } from './instance-facts.tsx';
import { MembersCard } from './members.tsx';

const memberCount = computed(() => cluster.value?.members.length);

/** What the instance was started with, and what can be changed while it runs. */
export function SettingsPage() {
  const { origin } = connection.value;
  // Asked again with another token, of another instance, and when members come or go: the command to join names the next one.
  const key = `${origin} ${adminToken.value}`;
  const { data, error } = useResource(key, (signal) => getJson<Settings>('/api/v1/settings', signal), memberCount);
  const mayWrite = data?.mayWrite === true && origin === '';
  return (
    <Page title="Settings">
      {error !== undefined && <Banner tone="danger" title={error.message} />}
      {data === undefined ? (
        error === undefined && <EmptyState icon="settings" title="Asking the instance …" />
      ) : (
        <>
          <Access settings={data} />
          <MembersCard settings={data} mayWrite={mayWrite} />
          <AdmissionCard mayWrite={mayWrite} />
          <div class="columns">
            <InstanceFacts settings={data} />
            <ClusterFacts settings={data} />
          </div>
        </>
      )}
    </Page>
  );
}
