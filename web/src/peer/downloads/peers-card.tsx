import type { ConnectedPeerView } from '../../../../src/api/peer/peer-schemas.ts';
import { Card } from '../../components/card.tsx';
import { DataTable, type TableColumn } from '../../components/data-table.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { ProgressBar } from '../../components/progress-bar.tsx';
import { Name } from '../../components/text.tsx';
import { formatRate } from '../../formatting/bytes.ts';
import { formatCount, formatPercent } from '../../formatting/numbers.ts';
import { TallBox } from '../tall-box.tsx';
import type { ContentLive } from './content-live.ts';

/** Who is connected, what they have, and what goes to and fro. */
export function PeersCard({ name, live }: { name: string; live: ContentLive }) {
  const peers = live.peers.value;
  const pieceCount = live.map.value?.pieces.length ?? 0;
  return (
    <Card title="Peers" note={peers.length === 0 ? undefined : `${formatCount(peers.length)} connected`} flush>
      <TallBox label="List of peers">
        <DataTable
          caption={`Peers of ${name} that are connected`}
          columns={columnsOf(pieceCount)}
          rows={peers}
          rowKey={({ host, port, incoming }) => `${host} ${port} ${incoming}`}
          empty={
            <EmptyState icon="peers" title="Nobody is connected">
              Peers are found through the cluster by themselves.
            </EmptyState>
          }
        />
      </TallBox>
    </Card>
  );
}

function columnsOf(pieceCount: number): TableColumn<ConnectedPeerView>[] {
  return [
    {
      key: 'address',
      title: 'Address',
      grow: true,
      cell: ({ host, port, client, incoming }) => (
        <>
          <code class="name">{host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`}</code>
          <span class="cell-sub">
            <Name value={client} fallback="unknown client" />
            {incoming && <span class="visually-hidden"> came to us</span>}
          </span>
        </>
      ),
    },
    {
      key: 'has',
      title: 'Has',
      hideBelow: 'tablet',
      cell: ({ host, port, pieces }) => {
        const share = pieceCount === 0 ? undefined : pieces / pieceCount;
        return (
          <div class="peers-has">
            <ProgressBar
              label={`What ${host}:${port} has`}
              value={share}
              tone="neutral"
              text={share === undefined ? '–' : formatPercent(share)}
            />
          </div>
        );
      },
    },
    {
      key: 'down',
      title: 'Down',
      align: 'end',
      cell: ({ downSpeed, amInterested, isChoking }) =>
        rate(downSpeed, amInterested && isChoking ? 'waits for its turn' : undefined),
    },
    {
      key: 'up',
      title: 'Up',
      align: 'end',
      cell: ({ upSpeed, isInterested, amChoking }) => rate(upSpeed, isInterested && amChoking ? 'it waits' : undefined),
    },
  ];
}

function rate(bytesPerSecond: number, instead: string | undefined) {
  if (bytesPerSecond > 0) return formatRate(bytesPerSecond);
  return <span class="faint">{instead ?? '–'}</span>;
}
