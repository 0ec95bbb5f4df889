import { useState } from 'preact/hooks';
import type { Member, Settings } from '../../../../src/api/schemas.ts';
import { send } from '../../api/api-client.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { DataTable, type TableColumn } from '../../components/data-table.tsx';
import { ConfirmDialog, Dialog } from '../../components/dialog.tsx';
import { CopyButton, Name } from '../../components/text.tsx';
import { toast } from '../../components/toasts.tsx';
import { cluster as clusterSignal } from '../../live/cluster-live.ts';
import { addressOf } from '../../live/member-address.ts';
import { RoleBadge, StateBadge } from '../overview/member-badges.tsx';
import { byName } from '../overview/member-order.ts';

/** Who belongs to the cluster: add an instance, take one out, let the master step down. */
export function MembersCard({ settings, mayWrite }: { settings: Settings; mayWrite: boolean }) {
  const [adding, setAdding] = useState(false);
  const [steppingDown, setSteppingDown] = useState(false);
  const [removing, setRemoving] = useState<Member>();
  const { members, master: masterId } = clusterSignal.value!;
  const master = members.find(({ id }) => id === masterId);

  const columns: TableColumn<Member>[] = [
    { key: 'name', title: 'Name', cell: ({ name, id }) => <Name value={name} fallback={id.slice(0, 8)} /> },
    {
      key: 'address',
      title: 'Address',
      hideBelow: 'tablet',
      cell: (member) => <code>{addressOf(member) ?? '–'}</code>,
    },
    { key: 'role', title: 'Role', cell: (member) => <RoleBadge member={member} /> },
    {
      key: 'state',
      title: 'State',
      hideBelow: 'tablet',
      cell: (member) => <StateBadge member={member} master={master} />,
    },
    { key: 'vote', title: 'Votes', hideBelow: 'tablet', cell: ({ voter }) => (voter ? 'yes' : 'no') },
    {
      key: 'remove',
      title: 'Remove',
      align: 'end',
      cell: (member) =>
        member.alive ? (
          <span class="faint">stop it first</span>
        ) : (
          <Button size="small" icon="trash" disabled={!mayWrite} onClick={() => setRemoving(member)}>
            Remove
          </Button>
        ),
    },
  ];
  return (
    <Card
      title="Members"
      flush
      actions={
        <>
          <Button
            size="small"
            icon="swap"
            disabled={!mayWrite || master === undefined}
            onClick={() => setSteppingDown(true)}
          >
            Master steps down
          </Button>
          <Button size="small" icon="plus" onClick={() => setAdding(true)}>
            Add an instance
          </Button>
        </>
      }
    >
      <DataTable
        caption="Members, and what can be done with them"
        columns={columns}
        rows={byName(members)}
        rowKey={({ id }) => id}
      />
      <Dialog
        open={adding}
        title="Add an instance"
        onClose={() => setAdding(false)}
        actions={
          <Button variant="primary" onClick={() => setAdding(false)}>
            Done
          </Button>
        }
      >
        <p>
          Start it on the machine where it is to run{settings.key ? ', with the key of the cluster' : ''}. It finds the
          others by itself, gets a copy of the tables, and votes when it has caught up.
        </p>
        <div class="command">
          <code>{settings.joinCommand}</code>
          <CopyButton text={settings.joinCommand} label="Copy the command" />
        </div>
      </Dialog>
      <ConfirmDialog
        open={steppingDown}
        title="Let the master step down?"
        confirm="Step down"
        onClose={() => setSteppingDown(false)}
        onConfirm={async () => {
          await send('POST', '/api/v1/cluster/step-down');
          toast('Another instance is the master now');
        }}
      >
        <p>
          <Name value={master?.name ?? ''} /> hands over to the slave that has most of the log. Clients wait for a
          moment; nothing is lost.
        </p>
      </ConfirmDialog>
      <ConfirmDialog
        open={removing !== undefined}
        title="Remove this member?"
        confirm="Remove"
        danger
        onClose={() => setRemoving(undefined)}
        onConfirm={async () => {
          await send('DELETE', `/api/v1/cluster/members/${removing!.id}`);
          toast(`${removing!.name || removing!.id} does not belong to the cluster any more`);
        }}
      >
        <p>
          <Name value={removing?.name ?? ''} fallback={removing?.id ?? ''} /> loses its vote and its place in the
          cluster. To bring it back later, start it on an empty data folder.
        </p>
      </ConfirmDialog>
    </Card>
  );
}
