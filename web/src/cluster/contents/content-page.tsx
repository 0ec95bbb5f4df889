import type { ContentDetail } from '../../../../src/api/schemas.ts';
import { ApiFailure, getJson } from '../../api/api-client.ts';
import { useCursors } from '../../api/use-cursors.ts';
import { useResource } from '../../api/use-resource.ts';
import { Badge } from '../../components/badge.tsx';
import { Banner } from '../../components/banner.tsx';
import { Card, Fact, Facts, StatTile, StatTiles } from '../../components/card.tsx';
import { DataTable, Pager, type TableColumn } from '../../components/data-table.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { Page } from '../../components/page.tsx';
import { ProgressBar } from '../../components/progress-bar.tsx';
import { CopyButton, Name, RelativeTime, Sha1 } from '../../components/text.tsx';
import { formatBytes } from '../../formatting/bytes.ts';
import { visibleName } from '../../formatting/names.ts';
import { formatCount } from '../../formatting/numbers.ts';
import { cluster, commitIndex, localTime } from '../../live/cluster-live.ts';
import { PeerPagesButton } from '../peer-pages.tsx';
import { magnetLink } from './magnet-link.ts';

type Peer = ContentDetail['peers'][number];

const PAGE_SIZE = 50;
const BACK = { href: '/contents', label: 'Contents' };

/** One content: how to get it, and who has it. */
export function ContentPage({ sha1 }: { sha1: string }) {
  const cursors = useCursors(sha1, PAGE_SIZE);
  const { after, before, first, previous } = cursors;
  const path = `/api/v1/contents/${encodeURIComponent(sha1)}?limit=${PAGE_SIZE}${after === undefined ? '' : `&after=${encodeURIComponent(after)}`}`;
  const { data, error, busy } = useResource(path, (signal) => getJson<ContentDetail>(path, signal), commitIndex);

  if (data === undefined) {
    const missing = error instanceof ApiFailure && (error.status === 404 || error.status === 400);
    return (
      <Page title="Content" back={BACK}>
        {missing && (
          <EmptyState icon="contents" title="The cluster does not know this content">
            {error.message}
          </EmptyState>
        )}
        {error !== undefined && !missing && <Banner tone="danger" title={error.message} />}
      </Page>
    );
  }

  const { name, size, seeders, leechers, completed, peers, next } = data;
  return (
    <Page
      title={name === null ? sha1 : visibleName(name)}
      heading={<Name value={name} fallback={`${sha1.slice(0, 16)}…`} />}
      back={BACK}
      actions={<PeerPagesButton label="Download" icon="download" primary path={`/contents?search=${sha1}`} />}
    >
      {error !== undefined && <Banner tone="danger" title={error.message} />}
      <StatTiles label="The content in numbers">
        <StatTile
          label="Size"
          value={size === null ? '–' : formatBytes(size)}
          detail={size === null ? 'nobody told' : `${formatCount(size)} bytes`}
        />
        <StatTile label="Seeders" value={formatCount(seeders)} detail="have everything" />
        <StatTile label="Leechers" value={formatCount(leechers)} detail="lack something" />
        <StatTile label="Completed" value={formatCount(completed)} detail="downloads so far" />
      </StatTiles>
      <Card title="Get it">
        <GetIt content={data} />
      </Card>
      <Card title="Peers" flush>
        <DataTable
          caption={`Peers of ${name ?? sha1}`}
          columns={peerColumns(size)}
          rows={peers}
          rowKey={({ host, port }) => `${host} ${port}`}
          totalRows={seeders + leechers}
          rowsBefore={before}
          busy={busy}
          empty={
            <EmptyState icon="peers" title="Nobody has it at the moment">
              The content is forgotten after a day without peers.
            </EmptyState>
          }
        />
        {(first !== undefined || next !== null) && (
          <Pager
            what="peers"
            from={before + 1}
            to={before + peers.length}
            total={seeders + leechers}
            onFirst={first}
            onPrevious={previous}
            onNext={busy ? undefined : cursors.next(next)}
          />
        )}
      </Card>
    </Page>
  );
}

function GetIt({ content: { sha1, name } }: { content: ContentDetail }) {
  const command = `bin/swarmkeeper get ${sha1}`;
  const magnet = magnetLink({ sha1, name }, cluster.value!);
  return (
    <Facts>
      <Fact label="Sha1">
        <span class="with-copy">
          <Sha1 value={sha1} short={false} /> <CopyButton text={sha1} label="Copy the sha1" />
        </span>
      </Fact>
      <Fact label="With Swarmkeeper">
        <span class="with-copy">
          <code>{command}</code> <CopyButton text={command} label="Copy the command" />
        </span>
      </Fact>
      <Fact label="With any client">
        <span class="with-copy">
          <a href={magnet}>Magnet link</a> <CopyButton text={magnet} label="Copy the magnet link" />
        </span>
      </Fact>
    </Facts>
  );
}

function peerColumns(size: number | null): TableColumn<Peer>[] {
  return [
    {
      key: 'address',
      title: 'Address',
      cell: ({ host, port }) => <code>{host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`}</code>,
    },
    {
      key: 'state',
      title: 'State',
      cell: ({ left }) =>
        left === 0 ? (
          <Badge tone="ok" icon="check">
            Seeder
          </Badge>
        ) : (
          <Badge icon="download">Leecher</Badge>
        ),
    },
    {
      key: 'progress',
      title: 'Has',
      hideBelow: 'tablet',
      cell: ({ host, left }) => (
        <ProgressBar
          label={`What ${host} has`}
          tone={left === 0 ? 'ok' : 'accent'}
          value={left === 0 ? 1 : size === null || size === 0 || left > size ? undefined : 1 - left / size}
        />
      ),
    },
    { key: 'left', title: 'Lacks', align: 'end', cell: ({ left }) => (left === 0 ? 'nothing' : formatBytes(left)) },
    {
      key: 'seen',
      title: 'Last seen',
      align: 'end',
      hideBelow: 'tablet',
      cell: ({ lastSeen }) => <RelativeTime at={localTime(lastSeen)} />,
    },
  ];
}
