import { useState } from 'preact/hooks';
import type { FolderView } from '../../../../src/api/peer/peer-schemas.ts';
import { getJson } from '../../api/api-client.ts';
import { useResource } from '../../api/use-resource.ts';
import { Banner } from '../../components/banner.tsx';
import { Button } from '../../components/button.tsx';
import { DataTable, type TableColumn } from '../../components/data-table.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { Icon } from '../../components/icon.tsx';
import { Name } from '../../components/text.tsx';
import { toastError } from '../../components/toasts.tsx';
import { formatBytes } from '../../formatting/bytes.ts';
import { formatCount } from '../../formatting/numbers.ts';
import { share } from '../peer-actions.ts';
import { TallBox } from '../tall-box.tsx';

type Entry = FolderView['entries'][number];

/** The folder that the operator lets these pages share from, and what is in it. */
export function FolderBrowser() {
  const [folder, setFolder] = useState('');
  const path = `/api/v1/folder?path=${encodeURIComponent(folder)}`;
  const { data, error, busy, reload } = useResource(path, (signal) => getJson<FolderView>(path, signal));
  const within = (name: string) => (folder === '' ? name : `${folder}/${name}`);
  return (
    <div>
      <nav class="folder-path" aria-label="Folder">
        <Crumbs folder={folder} onFolder={setFolder} />
        <Button size="small" variant="quiet" icon="refresh" onClick={reload}>
          Read again
        </Button>
      </nav>
      {error !== undefined && <Banner tone="danger" title={error.message} />}
      <TallBox label="What can be shared">
        <DataTable
          caption="What can be shared"
          columns={columnsOf((name) => setFolder(within(name)), within)}
          rows={data?.entries ?? []}
          rowKey={({ name }) => name}
          busy={busy}
          empty={data && <EmptyState icon="folder" title="There is nothing in this folder" />}
        />
      </TallBox>
      {data && !data.isComplete && (
        <p class="folder-more soft">
          These are the first {formatCount(data.entries.length)}; there are more in this folder.
        </p>
      )}
    </div>
  );
}

function Crumbs({ folder, onFolder }: { folder: string; onFolder: (folder: string) => void }) {
  const names = folder === '' ? [] : folder.split('/');
  return (
    <ol class="crumbs">
      <li>
        <button
          type="button"
          class="crumb"
          onClick={() => onFolder('')}
          aria-current={names.length === 0 ? 'location' : undefined}
        >
          <Icon name="folder" /> <span>All</span>
        </button>
      </li>
      {names.map((name, depth) => (
        <li key={names.slice(0, depth + 1).join('/')}>
          <button
            type="button"
            class="crumb"
            onClick={() => onFolder(names.slice(0, depth + 1).join('/'))}
            aria-current={depth === names.length - 1 ? 'location' : undefined}
          >
            <Name value={name} />
          </button>
        </li>
      ))}
    </ol>
  );
}

function columnsOf(open: (name: string) => void, within: (name: string) => string): TableColumn<Entry>[] {
  return [
    {
      key: 'name',
      title: 'Name',
      grow: true,
      cell: ({ name, kind }) =>
        kind === 'folder' ? (
          <button type="button" class="entry entry-folder" onClick={() => open(name)}>
            <Icon name="folder" />
            <Name value={name} />
          </button>
        ) : (
          <span class="entry">
            <Icon name="file" />
            <Name value={name} />
          </span>
        ),
    },
    { key: 'size', title: 'Size', align: 'end', cell: ({ size }) => (size === null ? '' : formatBytes(size)) },
    {
      key: 'action',
      title: 'Share',
      align: 'end',
      cell: ({ name }) => <ShareButton name={name} entry={within(name)} />,
    },
  ];
}

function ShareButton({ name, entry }: { name: string; entry: string }) {
  const [busy, setBusy] = useState(false);
  const begin = async () => {
    setBusy(true);
    await share({ entry }).catch(toastError);
    setBusy(false);
  };
  return (
    <Button size="small" icon="share" busy={busy} aria-label={`Share ${name}`} onClick={begin}>
      Share
    </Button>
  );
}
