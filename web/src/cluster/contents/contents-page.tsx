import type { Contents } from '../../../../src/api/schemas.ts';
import { getJson } from '../../api/api-client.ts';
import { useCursors } from '../../api/use-cursors.ts';
import { useResource } from '../../api/use-resource.ts';
import { Banner } from '../../components/banner.tsx';
import { LinkButton } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { ContentSearch } from '../../components/content-search.tsx';
import { DataTable, Pager, type TableColumn, type TableSort } from '../../components/data-table.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { Page } from '../../components/page.tsx';
import { Name, Sha1 } from '../../components/text.tsx';
import { formatBytes } from '../../formatting/bytes.ts';
import { formatCount } from '../../formatting/numbers.ts';
import { commitIndex } from '../../live/cluster-live.ts';
import { changeQuery, query } from '../../routing/router.ts';
import { PeerPagesButton, peerPage } from '../peer-pages.tsx';

type Content = Contents['contents'][number];

const PAGE_SIZE = 50;
/** What is asked for most comes first. */
const BY_DEFAULT: TableSort = { by: 'seeders', order: 'desc' };

const COLUMNS: readonly TableColumn<Content>[] = [
  {
    key: 'name',
    title: 'Name',
    sortable: 'asc',
    grow: true,
    cell: ({ name, sha1 }) => (
      <a class="cell-link" href={`/contents/${sha1}`}>
        <Name value={name} fallback={`${sha1.slice(0, 16)}…`} />
      </a>
    ),
  },
  {
    key: 'size',
    title: 'Size',
    align: 'end',
    sortable: 'desc',
    cell: ({ size }) => (size === null ? <span class="faint">unknown</span> : formatBytes(size)),
  },
  { key: 'seeders', title: 'Seeders', align: 'end', sortable: 'desc', cell: ({ seeders }) => formatCount(seeders) },
  {
    key: 'leechers',
    title: 'Leechers',
    align: 'end',
    sortable: 'desc',
    hideBelow: 'tablet',
    cell: ({ leechers }) => formatCount(leechers),
  },
  {
    key: 'completed',
    title: 'Completed',
    align: 'end',
    sortable: 'desc',
    hideBelow: 'tablet',
    cell: ({ completed }) => formatCount(completed),
  },
  { key: 'sha1', title: 'Sha1', sortable: 'asc', hideBelow: 'desk', cell: ({ sha1 }) => <Sha1 value={sha1} /> },
];

/** Only where a peer is known; on the phone there is room for it on the page of the content. */
const DOWNLOAD: TableColumn<Content> = {
  key: 'download',
  title: 'Get',
  align: 'end',
  hideBelow: 'tablet',
  cell: ({ name, sha1 }) => {
    const href = peerPage(`/contents?search=${sha1}`);
    if (href === undefined) return null;
    return (
      <LinkButton size="small" icon="download" href={href} label={`Download ${name ?? sha1}`}>
        Download
      </LinkButton>
    );
  },
};

/** All contents, a page at a time: searched and sorted by the server, for there may be a million. */
export function ContentsPage() {
  const search = query.value.get('search') ?? '';
  const sort = readSort(query.value);
  const list = `search=${encodeURIComponent(search)}&sort=${sort.by}&order=${sort.order}`;
  const cursors = useCursors(list, PAGE_SIZE);
  const { after, before, first, previous } = cursors;
  const path = `/api/v1/contents?limit=${PAGE_SIZE}&${list}${after === undefined ? '' : `&after=${encodeURIComponent(after)}`}`;
  const { data, error, busy } = useResource(path, (signal) => getJson<Contents>(path, signal), commitIndex);

  const rows = data?.contents ?? [];
  return (
    <Page
      title="Contents"
      note="what peers have told the cluster"
      actions={<PeerPagesButton label="Share a file" icon="share" path="/share" />}
    >
      {error !== undefined && <Banner tone="danger" title={error.message} />}
      <Card flush>
        <div class="toolbar">
          <ContentSearch />
        </div>
        <DataTable
          caption="Contents of the cluster"
          columns={peerPage('/') === undefined ? COLUMNS : [...COLUMNS, DOWNLOAD]}
          rows={rows}
          rowKey={({ sha1 }) => sha1}
          sort={sort}
          onSort={({ by, order }) => changeQuery({ sort: by, order })}
          totalRows={data?.total ?? undefined}
          rowsBefore={before}
          busy={busy}
          empty={data === undefined ? undefined : <NoContents search={search} />}
        />
        {rows.length > 0 && (
          <Pager
            what="contents"
            from={before + 1}
            to={before + rows.length}
            total={data?.total ?? undefined}
            onFirst={first}
            onPrevious={previous}
            onNext={busy ? undefined : cursors.next(data?.next)}
          />
        )}
      </Card>
    </Page>
  );
}

function NoContents({ search }: { search: string }) {
  if (search !== '') {
    return (
      <EmptyState icon="search" title="No content is called that">
        Nothing has <bdi>“{search}”</bdi> in its name or at the beginning of its sha1.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      icon="contents"
      title="No contents yet"
      action={<PeerPagesButton label="Share a file" icon="share" primary path="/share" />}
    >
      Or give any BitTorrent client the address of an instance as its tracker.
    </EmptyState>
  );
}

function readSort(params: URLSearchParams): TableSort {
  const by = params.get('sort');
  if (!COLUMNS.some(({ key }) => key === by)) return BY_DEFAULT;
  return { by: by!, order: params.get('order') === 'desc' ? 'desc' : 'asc' };
}
