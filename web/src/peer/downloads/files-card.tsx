import { type ReadonlySignal, useComputed } from '@preact/signals';
import { useState } from 'preact/hooks';
import type { FilesView, PeerContentView } from '../../../../src/api/peer/peer-schemas.ts';
import { getJson } from '../../api/api-client.ts';
import { useResource } from '../../api/use-resource.ts';
import { Card } from '../../components/card.tsx';
import { DataTable, Pager, type TableColumn } from '../../components/data-table.tsx';
import { ProgressBar } from '../../components/progress-bar.tsx';
import { Name } from '../../components/text.tsx';
import { formatBytes } from '../../formatting/bytes.ts';
import { formatPlural } from '../../formatting/numbers.ts';
import { TallBox } from '../tall-box.tsx';

type File = FilesView['files'][number];

const PAGE_SIZE = 50;
/** Steps of the whole, at each of which it is loaded afresh. */
const STEPS = 500;

const COLUMNS: readonly TableColumn<File>[] = [
  {
    key: 'path',
    title: 'Name',
    grow: true,
    cell: ({ path, size }) => (
      <>
        <Name value={withoutFolder(path)} />
        <span class="cell-sub only-below-tablet">{formatBytes(size)}</span>
      </>
    ),
  },
  { key: 'size', title: 'Size', align: 'end', hideBelow: 'tablet', cell: ({ size }) => formatBytes(size) },
  {
    key: 'progress',
    title: 'Here',
    cell: ({ path, size, bytesDone }) => (
      <div class="files-progress">
        <ProgressBar
          label={path}
          value={size === 0 ? 1 : bytesDone / size}
          tone={bytesDone === size ? 'ok' : 'accent'}
        />
      </div>
    ),
  },
];

/** Its files and how much of each is here, loaded afresh while it grows. */
export function FilesCard({ content }: { content: ReadonlySignal<PeerContentView> }) {
  const { sha1 } = content.peek();
  const [after, setAfter] = useState(0);
  const isKnown = useComputed(() => content.value.state !== 'metadata' && content.value.size !== null).value;
  // Not for each byte: the table is long.
  const version = useComputed(() => {
    const { bytesDone, size } = content.value;
    return size ? Math.floor((bytesDone / size) * STEPS) : 0;
  }).value;
  const path = `/api/v1/contents/${sha1}/files?limit=${PAGE_SIZE}&after=${after}`;
  const { data, busy } = useResource(isKnown ? path : undefined, (signal) => getJson<FilesView>(path, signal), version);
  if (!data) return null;
  const { files, total, next } = data;
  return (
    <Card title="Files" note={formatPlural(total, 'file')} flush>
      <TallBox label="List of files">
        <DataTable
          caption="Files"
          columns={COLUMNS}
          rows={files}
          rowKey={({ path }) => path}
          totalRows={total}
          rowsBefore={after}
          busy={busy}
        />
      </TallBox>
      {(after > 0 || next !== null) && (
        <Pager
          what="files"
          from={after + 1}
          to={after + files.length}
          total={total}
          onFirst={after > 0 ? () => setAfter(0) : undefined}
          onPrevious={after > 0 ? () => setAfter(Math.max(0, after - PAGE_SIZE)) : undefined}
          onNext={next === null || busy ? undefined : () => setAfter(next)}
        />
      )}
    </Card>
  );
}

/** All lie in the folder of the content, which need not be said for each. */
function withoutFolder(path: string): string {
  return path.slice(path.indexOf('/') + 1);
}
