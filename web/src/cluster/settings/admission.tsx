import { useState } from 'preact/hooks';
import type { Admission } from '../../../../src/api/schemas.ts';
import { getJson, send } from '../../api/api-client.ts';
import { useCursors } from '../../api/use-cursors.ts';
import { useResource } from '../../api/use-resource.ts';
import { Banner } from '../../components/banner.tsx';
import { Button, IconButton } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { DataTable, Pager, type TableColumn } from '../../components/data-table.tsx';
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
  const cursors = useCursors(list, PAGE_SIZE);
  const { after, before, first, previous } = cursors;
  const path = `/api/v1/admission?list=${list}&limit=${PAGE_SIZE}${after === undefined ? '' : `&after=${after}`}`;
  const { data, error, busy, reload } = useResource(path, (signal) => getJson<Admission>(path, signal), commitIndex);

  const change = async (done: string, request: () => Promise<void>) => {
    try {
      await request();
      toast(done);
    } catch (failure) {
      toastError(failure);
    }
    reload();
  };
  const setMode = (mode: Mode) => {
    const admitted = MODES.find(({ value }) => value === mode)!.label.toLowerCase();
    return change(`The cluster admits ${admitted} now`, () => send('PUT', '/api/v1/admission/mode', { mode }));
  };
  const remove = (sha1: string) =>
    change(`${sha1.slice(0, 10)}… is off the ${list}-list`, () =>
      send('DELETE', `/api/v1/admission/${list}`, { sha1s: [sha1] }),
    );

  const rows = data?.sha1s ?? [];
  const next = busy ? undefined : cursors.next(data?.next);
  return (
    <Card title="Admission" flush>
      <div class="admission">
        <div class="admission-changes">
          {error !== undefined && <Banner tone="danger" title={error.message} />}
          <Choice
            label="The cluster admits"
            value={data?.mode ?? 'open'}
            options={MODES}
            disabled={!mayWrite || data === undefined}
            onChange={setMode}
          />
          <AddSha1s key={list} list={list} disabled={!mayWrite} onAdded={reload} />
        </div>
        <div class="admission-list">
          <div class="toolbar">
            <Choice label="Which list is shown" hideLabel value={list} options={LISTS} onChange={setList} />
          </div>
          <DataTable
            caption={`The ${list}-list`}
            columns={columnsOf(list, mayWrite, remove)}
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
          {(first !== undefined || next !== undefined) && (
            <Pager
              what="sha1s"
              from={before + 1}
              to={before + rows.length}
              total={undefined}
              onFirst={first}
              onPrevious={previous}
              onNext={next}
            />
          )}
        </div>
      </div>
    </Card>
  );
}

function columnsOf(list: List, mayWrite: boolean, remove: (sha1: string) => void): TableColumn<string>[] {
  return [
    {
      key: 'sha1',
      title: 'Sha1',
      grow: true,
      cell: (sha1) => (
        <a class="cell-link" href={`/contents/${sha1}`}>
          <Sha1 value={sha1} short={false} />
        </a>
      ),
    },
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
  ];
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
