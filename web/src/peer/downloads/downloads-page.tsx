import { type ReadonlySignal, useComputed, useSignal } from '@preact/signals';
import { useRef, useState } from 'preact/hooks';
import type { PeerContentView } from '../../../../src/api/peer/peer-schemas.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { Choice, SearchField } from '../../components/field.tsx';
import { Page } from '../../components/page.tsx';
import { formatRate } from '../../formatting/bytes.ts';
import { formatCount } from '../../formatting/numbers.ts';
import { peer } from '../live/peer-live.ts';
import { AddDownloadDialog } from './add-download-dialog.tsx';
import { type Filter, isIn } from './content-words.ts';
import { DownloadsTable } from './downloads-table.tsx';

/** What this peer gets and shares. */
export function DownloadsPage() {
  const [adding, setAdding] = useState(false);
  const isEmpty = peer.contents.value.length === 0;
  return (
    <Page
      title="Downloads"
      note={isEmpty ? undefined : <Speeds />}
      actions={
        <Button variant={isEmpty ? 'secondary' : 'primary'} icon="plus" onClick={() => setAdding(true)}>
          Add a download
        </Button>
      }
    >
      {isEmpty ? <FirstSteps /> : <List />}
      <AddDownloadDialog open={adding} onClose={() => setAdding(false)} />
    </Page>
  );
}

function Speeds() {
  const text = useComputed(() => {
    const last = peer.transfer.value?.samples.at(-1);
    return last ? `↓ ${formatRate(last[0])}   ↑ ${formatRate(last[1])}` : '';
  });
  return <span class="nowrap pre">{text}</span>;
}

function FirstSteps() {
  return (
    <div class="first-steps">
      <Card>
        <EmptyState
          icon="download"
          title="Get something"
          action={
            <a class="button button-primary button-normal" href="/contents">
              See what there is
            </a>
          }
        >
          Choose from the contents that others share in your network. Each is fetched from everybody who has it, at the
          same time.
        </EmptyState>
      </Card>
      <Card>
        <EmptyState
          icon="share"
          title="Share something"
          action={
            <a class="button button-secondary button-normal" href="/share">
              Share files
            </a>
          }
        >
          Drop files, or choose them. Everybody in your network finds them by name; whoever has fetched one helps to
          share it.
        </EmptyState>
      </Card>
    </div>
  );
}

const FILTERS: readonly { value: Filter; label: string }[] = [
  { value: 'all', label: 'All' },
  { value: 'downloading', label: 'Downloading' },
  { value: 'sharing', label: 'Sharing' },
  { value: 'paused', label: 'Paused' },
];

function List() {
  const filter = useSignal<Filter>('all');
  const search = useSignal('');
  const former = useRef<readonly ReadonlySignal<PeerContentView>[]>([]);
  // The same list as long as the same contents are in it, however they change.
  const shown = useComputed(() => {
    const next = peer.contents.value.filter((content) => isIn(content.value, filter.value, search.value));
    const isSame = next.length === former.current.length && next.every((each, i) => each === former.current[i]);
    if (!isSame) former.current = next;
    return former.current;
  });
  return (
    <Card flush>
      <div class="toolbar">
        <SearchField
          label="Search the downloads"
          placeholder="Name, or the beginning of a sha1"
          value={search.value}
          onValue={(value) => {
            search.value = value;
          }}
        />
        <Choice
          label="Which"
          hideLabel
          value={filter.value}
          options={FILTERS}
          onChange={(value) => {
            filter.value = value;
          }}
        />
        <p class="toolbar-note soft hide-below-tablet" role="status">
          {formatCount(shown.value.length)} of {formatCount(peer.contents.value.length)}
        </p>
      </div>
      {shown.value.length === 0 ? (
        <EmptyState icon="search" title="None of them fits">
          Search for something else, or show all of them.
        </EmptyState>
      ) : (
        <DownloadsTable contents={shown.value} />
      )}
    </Card>
  );
}
