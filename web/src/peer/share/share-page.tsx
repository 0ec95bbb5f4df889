import { Card } from '../../components/card.tsx';
import { Page } from '../../components/page.tsx';
import { peer } from '../live/peer-live.ts';
import { DropZone } from './drop-zone.tsx';
import { FolderBrowser } from './folder-browser.tsx';
import { PathForm } from './path-form.tsx';
import { SharesCard } from './shares-card.tsx';

/** What is to be shared: files that are dropped or chosen here, or what lies on the machine of the peer. */
export function SharePage() {
  const status = peer.status.value!;
  return (
    <Page title="Share" note="everybody in your network finds it by its name">
      <div class="columns">
        <Card title="Files from this browser">
          <DropZone folder={status.uploads} />
        </Card>
        {status.shareFolder === null ? (
          <Card title="On the machine of the peer">
            <PathForm />
          </Card>
        ) : (
          <Card title="On the machine of the peer" note={<bdi class="wrap">{status.shareFolder}</bdi>} flush>
            <FolderBrowser />
          </Card>
        )}
      </div>
      <SharesCard />
    </Page>
  );
}
