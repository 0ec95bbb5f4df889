import { useState } from 'preact/hooks';

export interface Cursors {
  /** Where the page that is shown begins: `after` for the server; undefined on the first. */
  readonly after: string | undefined;
  /** Rows before the page. */
  readonly before: number;
  /** Undefined where there is no such page. */
  readonly first: (() => void) | undefined;
  readonly previous: (() => void) | undefined;
  /** @param cursor `next` of the page that is shown; null and undefined: there is none */
  readonly next: (cursor: string | null | undefined) => (() => void) | undefined;
}

/**
 * Pages of a list whose server knows only the next one: where each page that was visited begins.
 * @param list another list begins at its first page
 */
export function useCursors(list: string, pageSize: number): Cursors {
  const [visited, setVisited] = useState<{ list: string; cursors: readonly string[] }>({ list, cursors: [] });
  const cursors = visited.list === list ? visited.cursors : [];
  const go = (next: readonly string[]) => () => setVisited({ list, cursors: next });
  const isFirst = cursors.length === 0;
  return {
    after: cursors.at(-1),
    before: cursors.length * pageSize,
    first: isFirst ? undefined : go([]),
    previous: isFirst ? undefined : go(cursors.slice(0, -1)),
    next: (cursor) => (cursor == null ? undefined : go([...cursors, cursor])),
  };
}
