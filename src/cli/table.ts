export interface Column<Row> {
  readonly title: string;
  readonly align: 'left' | 'right';
  /** Least width, characters. */
  readonly width?: number;
  readonly cell: (row: Row) => string;
}

const GAP = '  ';

/** A table as lines of text, the titles first; every column as wide as its widest cell. */
export function tableLines<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[] {
  const cells = rows.map((row) => columns.map(({ cell }) => cell(row)));
  const widths = columns.map(({ title, width = 0 }, i) =>
    Math.max(width, title.length, ...cells.map((row) => row[i].length)),
  );
  const line = (texts: readonly string[]) =>
    texts
      .map((text, i) => (columns[i].align === 'right' ? text.padStart(widths[i]) : text.padEnd(widths[i])))
      .join(GAP)
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...cells.map(line)];
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `1536` -> `1.5 KiB`; `-` where nobody told. */
export function formatBytes(bytes: number | null): string {
  if (bytes === null) return '-';
  let value = bytes;
  let unit = 0;
  while (value >= 1_024 && unit < UNITS.length - 1) {
    value /= 1_024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}
