import { useEffect, useState } from 'preact/hooks';
import type { ClusterContentsView } from '../../../../src/api/peer/peer-schemas.ts';
import { ApiFailure, getJson } from '../../api/api-client.ts';
import { useCursors } from '../../api/use-cursors.ts';
import { useResource } from '../../api/use-resource.ts';
import { Banner } from '../../components/banner.tsx';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { ContentSearch } from '../../components/content-search.tsx';
import { DataTable, Pager, type TableColumn, type TableSort } from '../../components/data-table.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { Page } from '../../components/page.tsx';
import { Name, Sha1 } from '../../components/text.tsx';
import { toast, toastError } from '../../components/toasts.tsx';
import { formatBytes } from '../../formatting/bytes.ts';
import { formatCount, formatPercent } from '../../formatting/numbers.ts';
import { changeQuery, query } from '../../routing/router.ts';
import { progressOf, stateOf } from '../downloads/content-words.ts';
import { peer } from '../live/peer-live.ts';
import { download } from '../peer-actions.ts';

type Content = ClusterContentsView['contents'][number];

const PAGE_SIZE = 50;
/** The list is asked for again after so long: others come and go. */
const REFRESH_MS = 5_000;
/** What is shared by most comes first. */
const BY_DEFAULT: TableSort = { by: 'seeders', order: 'desc' };

const COLUMNS: readonly TableColumn<Content>[] = [
  {
    key: 'name',
    title: 'Name',
    sortable: 'asc',
    grow: true,
    cell: ({ name, sha1, size, seeders }) => (
      <>
        <span class="cell-name">
          <Name value={name} fallback={`${sha1.slice(0, 16)}…`} />
        </span>
        <span class="cell-sub only-below-tablet">
          {size === null ? 'size unknown' : formatBytes(size)} · {formatCount(seeders)} share it
        </span>
      </>
    ),
  },
  {
    key: 'size',
    title: 'Size',
    align: 'end',
    sortable: 'desc',
    hideBelow: 'tablet',
    cell: ({ size }) => (size === null ? <span class="faint">unknown</span> : formatBytes(size)),
  },
  {
    key: 'seeders',
    title: 'Seeders',
    align: 'end',
    sortable: 'desc',
    hideBelow: 'tablet',
    cell: ({ seeders }) => formatCount(seeders),
  },
  {
    key: 'leechers',
    title: 'Leechers',
    align: 'end',
    sortable: 'desc',
    hideBelow: 'tablet',
    cell: ({ leechers }) => formatCount(leechers),
  },
  { key: 'sha1', title: 'Sha1', hideBelow: 'desk', cell: ({ sha1 }) => <Sha1 value={sha1} /> },
  { key: 'action', title: 'Get', align: 'end', cell: (content) => <DownloadCell content={content} /> },
];

/** What others in the network share, each with a button to get it. */
export function ContentsPage() {
  const search = query.value.get('search') ?? '';
  const sort = readSort(query.value);
  const list = `search=${encodeURIComponent(search)}&sort=${sort.by}&order=${sort.order}`;
  const cursors = useCursors(list, PAGE_SIZE);
  const { after, before, first, previous } = cursors;
  const path = `/api/v1/cluster/contents?limit=${PAGE_SIZE}&${list}${after === undefined ? '' : `&after=${encodeURIComponent(after)}`}`;
  const load = (signal: AbortSignal) => getJson<ClusterContentsView>(path, signal);
  const { data, error, busy } = useResource(path, load, useTick(REFRESH_MS));

  const rows = data?.contents ?? [];
  const isAlone = error instanceof ApiFailure && error.code === 'NO_TRACKER';
  if (isAlone && data === undefined) return <Alone />;
  return (
    <Page title="Contents" note="what is shared in your network">
      {error !== undefined && !isAlone && <Banner tone="danger" title={error.message} />}
      <Card flush>
        <div class="toolbar">
          <ContentSearch />
        </div>
        <DataTable
          caption="Contents of the cluster"
          columns={COLUMNS}
          rows={rows}
          rowKey={({ sha1 }) => sha1}
          sort={sort}
          onSort={({ by, order }) => changeQuery({ sort: by, order })}
          totalRows={data?.total ?? undefined}
          rowsBefore={before}
          busy={busy}
          empty={data === undefined ? undefined : <NoContents search={search} />}
        />
        <Pager
          what="contents"
          from={before + 1}
          to={rows.length === 0 ? 0 : before + rows.length}
          total={data?.total ?? undefined}
          onFirst={first}
          onPrevious={previous}
          onNext={busy ? undefined : cursors.next(data?.next)}
        />
      </Card>
    </Page>
  );
}

/** What this peer has of it already, or a button to get it. */
function DownloadCell({ content: { sha1, name } }: { content: Content }) {
  const [busy, setBusy] = useState(false);
  const own = peer.contents.value.length > 0 ? peer.content(sha1)?.value : undefined;
  const called = name ?? sha1;
  if (own) {
    const progress = progressOf(own);
    const state = own.state === 'downloading' && progress !== undefined ? formatPercent(progress) : stateOf(own).label;
    return (
      <a class="button button-quiet button-small" href={`/downloads/${sha1}`} aria-label={`${state}: show ${called}`}>
        {state}
      </a>
    );
  }
  const get = async () => {
    setBusy(true);
    try {
      await download(sha1, name);
      toast(`${called} is being downloaded`);
    } catch (error) {
      toastError(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Button size="small" icon="download" busy={busy} aria-label={`Download ${called}`} onClick={get}>
      Download
    </Button>
  );
}

function Alone() {
  return (
    <Page title="Contents">
      <Card>
        <EmptyState icon="contents" title="There is no tracker to ask">
          The list of contents is kept by a cluster of trackers in your network, and none answers. Start one with{' '}
          <code>swarmkeeper up</code>, on this machine or another; this page shows it within seconds.
        </EmptyState>
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
      title="Nobody shares anything yet"
      action={
        <a class="button button-primary button-normal" href="/share">
          Share files
        </a>
      }
    >
      Be the first: whatever you share is listed here for everybody in your network.
    </EmptyState>
  );
}

/** A number that rises every so often, while the page is in sight. */
function useTick(everyMs: number): number {
  const [tick, setTick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) setTick((before) => before + 1);
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return tick;
}

function readSort(params: URLSearchParams): TableSort {
  const by = params.get('sort');
  if (!COLUMNS.some(({ key, sortable }) => key === by && sortable !== undefined)) return BY_DEFAULT;
  return { by: by!, order: params.get('order') === 'desc' ? 'desc' : 'asc' };
}
