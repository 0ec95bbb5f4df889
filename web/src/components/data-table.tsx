import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { formatCount } from '../formatting/numbers.ts';
import { Button } from './button.tsx';
import { Icon } from './icon.tsx';

export type SortOrder = 'asc' | 'desc';

export interface TableSort {
  /** `key` of a column. */
  readonly by: string;
  readonly order: SortOrder;
}

export interface TableColumn<Row> {
  readonly key: string;
  readonly title: string;
  /** What the cell shows; the cell of the first column is the header of its row. */
  readonly cell: (row: Row) => ComponentChildren;
  /** Numbers stand at the end. */
  readonly align?: 'start' | 'end';
  /** It can be sorted by; `desc` where the largest is what one looks for. */
  readonly sortable?: SortOrder;
  /** Takes the room that is left, and is cut there. */
  readonly grow?: boolean;
  /** Left out on screens narrower than a tablet, or than a desk's. */
  readonly hideBelow?: 'tablet' | 'desk';
}

export interface DataTableProps<Row> {
  /** What the table holds, for those who listen. */
  readonly caption: string;
  readonly columns: readonly TableColumn<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  /** Where the columns are sorted elsewhere, e.g. at the server. */
  readonly sort?: TableSort | undefined;
  readonly onSort?: ((sort: TableSort) => void) | undefined;
  /** Of all pages together, where `rows` is one of them; undefined while unknown. */
  readonly totalRows?: number | undefined;
  /** How many rows come before `rows`. */
  readonly rowsBefore?: number;
  /** Rows are on their way; these are the former ones. */
  readonly busy?: boolean;
  /** Instead of rows, where there are none. */
  readonly empty?: ComponentChildren;
}

/** A real table: headers that sort are buttons, the page is part of a larger whole by `aria-rowcount`. */
export function DataTable<Row>(props: DataTableProps<Row>) {
  const { caption, columns, rows, rowKey, sort, onSort, totalRows, rowsBefore = 0, busy = false, empty } = props;
  if (rows.length === 0 && empty !== undefined && !busy) return <>{empty}</>;
  const paged = totalRows !== undefined || rowsBefore > 0;
  return (
    <ScrollBox label={caption}>
      <table
        class="table"
        aria-rowcount={paged ? (totalRows === undefined ? -1 : totalRows + 1) : undefined}
        aria-busy={busy}
      >
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr aria-rowindex={paged ? 1 : undefined}>
            {columns.map((column) => (
              <HeaderCell key={column.key} column={column} sort={sort} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <tr key={rowKey(row)} aria-rowindex={paged ? rowsBefore + i + 2 : undefined}>
              {columns.map((column, j) =>
                j === 0 ? (
                  <th key={column.key} scope="row" class={cellClass(column)}>
                    {column.cell(row)}
                  </th>
                ) : (
                  <td key={column.key} class={cellClass(column)}>
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollBox>
  );
}

/** Where the table is too wide it scrolls, and then it can be reached with the keyboard. */
function ScrollBox({ label, children }: { label: string; children: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  const [scrolls, setScrolls] = useState(false);
  useEffect(() => {
    const element = box.current!;
    const observer = new ResizeObserver(() => setScrolls(element.scrollWidth > element.clientWidth));
    observer.observe(element);
    observer.observe(element.firstElementChild!);
    return () => observer.disconnect();
  }, []);
  const focusable = scrolls ? { role: 'region' as const, tabIndex: 0, 'aria-label': label } : {};
  return (
    <div ref={box} class="table-scroll" {...focusable}>
      {children}
    </div>
  );
}

function HeaderCell<Row>(props: {
  column: TableColumn<Row>;
  sort: TableSort | undefined;
  onSort: ((sort: TableSort) => void) | undefined;
}) {
  const { column, sort, onSort } = props;
  const { key, title, sortable } = column;
  if (sortable === undefined || onSort === undefined) {
    return (
      <th scope="col" class={cellClass(column)}>
        {title}
      </th>
    );
  }
  const current = sort?.by === key ? sort.order : undefined;
  const next: SortOrder = current === undefined ? sortable : current === 'asc' ? 'desc' : 'asc';
  return (
    <th
      scope="col"
      class={cellClass(column)}
      aria-sort={current === undefined ? 'none' : current === 'asc' ? 'ascending' : 'descending'}
    >
      <button type="button" class="sort-button" onClick={() => onSort({ by: key, order: next })}>
        {title}
        <Icon name={current === undefined ? 'sort' : current === 'asc' ? 'up' : 'down'} size={12} />
      </button>
    </th>
  );
}

function cellClass<Row>({ align, grow, hideBelow }: TableColumn<Row>): string {
  return [align === 'end' && 'cell-end', grow && 'cell-grow', hideBelow && `hide-below-${hideBelow}`]
    .filter(Boolean)
    .join(' ');
}

/** Under a table whose pages come from the server, which gives the next page but knows no page numbers. */
export function Pager(props: {
  /** What is counted, in the plural: `contents`. */
  what: string;
  from: number;
  to: number;
  total: number | undefined;
  onFirst?: (() => void) | undefined;
  onPrevious?: (() => void) | undefined;
  onNext?: (() => void) | undefined;
}) {
  const { what, from, to, total, onFirst, onPrevious, onNext } = props;
  return (
    <nav class="pager" aria-label={`Pages of ${what}`}>
      <p role="status">
        {formatCount(from)}–{formatCount(to)}
        {total !== undefined && ` of ${formatCount(total)}`}
      </p>
      <Button size="small" variant="quiet" disabled={onFirst === undefined} onClick={onFirst}>
        First
      </Button>
      <Button size="small" icon="chevron-left" disabled={onPrevious === undefined} onClick={onPrevious}>
        Previous
      </Button>
      <Button size="small" icon="chevron-right" disabled={onNext === undefined} onClick={onNext}>
        Next
      </Button>
    </nav>
  );
}
