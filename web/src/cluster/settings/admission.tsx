import { useState } from 'preact/hooks';
import type { Admission } from '../../../../src/api/schemas.ts';
import { getJson, send } from '../../api/api-client.ts';
import { useResource } from '../../api/use-resource.ts';
import { Banner } from '../../components/banner.tsx';
import { Button, IconButton } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { DataTable, Pager } from '../../components/data-table.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { Choice, TextArea } from '../../components/field.tsx';
import { Sha1 } from '../../components/text.tsx';
import { toast, toastError } from '../../components/toasts.tsx';
import { formatPlural } from '../../formatting/numbers.ts';
import { commitIndex } from '../../live/cluster-live.ts';
import { inRequests, parseSha1List } from './sha1-list.ts';

type Mode = Admission['mode'];
type List = 'allow' | 'deny';

const PAGE_SIZE = 20;

const MODES: readonly { value: Mode; label: string }[] = [
  { value: 'open', label: 'Every content' },
  { value: 'allow', label: 'Only the allow-list' },
  { value: 'deny', label: 'All but the deny-list' },
];
const LISTS: readonly { value: List; label: string }[] = [
  { value: 'allow', label: 'Allow-list' },
  { value: 'deny', label: 'Deny-list' },
];

/** Which contents the cluster admits. Each change is replicated like everything else before it counts. */
export function AdmissionCard({ mayWrite }: { mayWrite: boolean }) {
  const [list, setList] = useState<List>('allow');
  const [visited, setVisited] = useState<{ list: List; cursors: readonly string[] }>({ list, cursors: [] });
  const cursors = visited.list === list ? visited.cursors : [];
  const setCursors = (next: readonly string[]) => setVisited({ list, cursors: next });
  const after = cursors.at(-1);
  const path = `/api/v1/admission?list=${list}&limit=${PAGE_SIZE}${after === undefined ? '' : `&after=${after}`}`;
  const { data, error, busy, reload } = useResource(
    path,
    (signal) => getJson<Admission>(path, signal),
    commitIndex.value,
  );

  const setMode = async (mode: Mode) => {
    try {
      await send('PUT', '/api/v1/admission/mode', { mode });
      toast(`The cluster admits ${MODES.find(({ value }) => value === mode)!.label.toLowerCase()} now`);
    } catch (failure) {
      toastError(failure);
    }
    reload();
  };
  const remove = async (sha1: string) => {
    try {
      await send('DELETE', `/api/v1/admission/${list}`, { sha1s: [sha1] });
      toast(`${sha1.slice(0, 10)}… is off the ${list}-list`);
    } catch (failure) {
      toastError(failure);
    }
    reload();
  };

  const before = cursors.length * PAGE_SIZE;
  const rows = data?.sha1s ?? [];
  const next = busy ? null : (data?.next ?? null);
  return (
    <Card title="Admission" flush>
      <div class="settings-part">
        {error !== undefined && <Banner tone="danger" title={error.message} />}
        <Choice
          label="The cluster admits"
          value={data?.mode ?? 'open'}
          options={MODES}
          disabled={!mayWrite || data === undefined}
          onChange={setMode}
        />
        <Choice label="List" hideLabel value={list} options={LISTS} onChange={setList} />
        <AddSha1s key={list} list={list} disabled={!mayWrite} onAdded={reload} />
      </div>
      <DataTable
        caption={`The ${list}-list`}
        columns={[
          { key: 'sha1', title: 'Sha1', grow: true, cell: (sha1) => <Sha1 value={sha1} short={false} /> },
          {
            key: 'remove',
            title: 'Remove',
            align: 'end',
            cell: (sha1) => (
              <IconButton
                icon="trash"
                label={`Take ${sha1.slice(0, 10)} off the ${list}-list`}
                disabled={!mayWrite}
                onClick={() => remove(sha1)}
              />
            ),
          },
        ]}
        rows={rows}
        rowKey={(sha1) => sha1}
        rowsBefore={before}
        busy={busy}
        empty={
          <EmptyState icon="contents" title={`Nothing is on the ${list}-list`}>
            {list === 'allow'
              ? 'With “only the allow-list” no content would be admitted.'
              : 'With “all but the deny-list” every content would be admitted.'}
          </EmptyState>
        }
      />
      {(before > 0 || next !== null) && (
        <Pager
          what="sha1s"
          from={before + 1}
          to={before + rows.length}
          total={undefined}
          onFirst={before > 0 ? () => setCursors([]) : undefined}
          onPrevious={before > 0 ? () => setCursors(cursors.slice(0, -1)) : undefined}
          onNext={next === null ? undefined : () => setCursors([...cursors, next])}
        />
      )}
    </Card>
  );
}

function AddSha1s({ list, disabled, onAdded }: { list: List; disabled: boolean; onAdded: () => void }) {
  const [text, setText] = useState('');
  const [failure, setFailure] = useState<string>();
  const [busy, setBusy] = useState(false);
  const { sha1s, strangers } = parseSha1List(text);

  const add = async () => {
    if (strangers.length > 0) {
      setFailure(`“${strangers[0].slice(0, 60)}” is not the 40 hexadecimal digits of a sha1`);
      return;
    }
    if (sha1s.length === 0) {
      setFailure('Give at least one sha1');
      return;
    }
    setBusy(true);
    setFailure(undefined);
    try {
      for (const part of inRequests(sha1s)) await send('POST', `/api/v1/admission/${list}`, { sha1s: part });
      toast(`${formatPlural(sha1s.length, 'sha1')} on the ${list}-list`);
      setText('');
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
      onAdded();
    }
  };

  return (
    <form
      class="add-sha1s"
      onSubmit={(event) => {
        event.preventDefault();
        void add();
      }}
    >
      <TextArea
        label={`Put on the ${list}-list`}
        hint="Sha1s or magnet links, with spaces or line ends between them"
        rows={2}
        value={text}
        onValue={(value) => {
          setText(value);
          setFailure(undefined);
        }}
        error={failure}
        disabled={disabled}
      />
      <Button type="submit" icon="plus" disabled={disabled} busy={busy}>
        {sha1s.length > 1 ? `Add ${formatPlural(sha1s.length, 'sha1')}` : 'Add'}
      </Button>
    </form>
  );
}
