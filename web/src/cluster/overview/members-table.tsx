import type { Member } from '../../../../src/api/schemas.ts';
import { DataTable, type TableColumn } from '../../components/data-table.tsx';
import { Name } from '../../components/text.tsx';
import { formatDuration, formatLatency } from '../../formatting/durations.ts';
import { formatCount } from '../../formatting/numbers.ts';
import { cluster } from '../../live/cluster-live.ts';
import { addressOf } from '../../live/member-address.ts';
import { RoleBadge, StateBadge } from './member-badges.tsx';
import { byName } from './member-order.ts';

export function MembersTable() {
  const { members, master: masterId, self } = cluster.value!;
  const master = members.find(({ id }) => id === masterId);
  const columns: TableColumn<Member>[] = [
    {
      key: 'name',
      title: 'Name',
      cell: (member) => (
        <>
          <span class="member-name">
            <Name value={member.name} fallback={member.id.slice(0, 8)} />
            {member.id === self && <span class="faint"> (this one)</span>}
          </span>
          <MemberLink member={member} />
        </>
      ),
    },
    { key: 'role', title: 'Role', cell: (member) => <RoleBadge member={member} /> },
    { key: 'state', title: 'State', cell: (member) => <StateBadge member={member} master={master} /> },
    {
      key: 'keepalive',
      title: 'Keepalive',
      align: 'end',
      cell: ({ id, lastKeepaliveMs }) =>
        id === self ? <span class="faint">itself</span> : formatKeepalive(lastKeepaliveMs),
    },
    { key: 'lag', title: 'Lag', align: 'end', hideBelow: 'tablet', cell: ({ lag }) => formatCount(lag) },
    {
      key: 'applied',
      title: 'Applied index',
      align: 'end',
      hideBelow: 'desk',
      cell: ({ appliedIndex }) => formatCount(appliedIndex),
    },
    {
      key: 'hash',
      title: 'State hash',
      hideBelow: 'tablet',
      cell: ({ stateHash }) =>
        stateHash === '' ? <span class="faint">unknown</span> : <code class="soft">{stateHash}</code>,
    },
  ];
  return (
    <DataTable caption="Members of the cluster" columns={columns} rows={byName(members)} rowKey={({ id }) => id} />
  );
}

function MemberLink({ member }: { member: Member }) {
  const address = addressOf(member);
  if (address === undefined) return <span class="cell-sub">address unknown</span>;
  return (
    <a class="cell-sub" href={`http://${address}/`}>
      {address}
    </a>
  );
}

/** Keepalives come several times a second; the ages of the living are all alike. */
function formatKeepalive(ms: number): string {
  return ms < 10_000 ? formatLatency(ms) : formatDuration(ms);
}
