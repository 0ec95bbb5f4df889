import { useEffect, useState } from 'preact/hooks';

/** Rows beyond the edge that are there all the same, so that the keyboard gets to them and scrolling shows no gap. */
const SPARE_ROWS = 8;

export interface RowsInView {
  readonly first: number;
  readonly end: number;
}

/** Which rows of a list are to be drawn: those in view and a few more. All measures in pixels. */
export function rowsInView(count: number, rowHeight: number, listTop: number, viewHeight: number): RowsInView {
  const first = Math.floor(-listTop / rowHeight) - SPARE_ROWS;
  const end = Math.ceil((viewHeight - listTop) / rowHeight) + SPARE_ROWS;
  // A list that became shorter may end above what is in view.
  const start = Math.max(0, Math.min(first, count - 1));
  return { first: start, end: Math.max(start, Math.min(count, end)) };
}

/** The same for a list that scrolls with the page. @param list its rows, which are all of `rowHeight` */
export function useRowsInView(list: { current: HTMLElement | null }, count: number, rowHeight: number): RowsInView {
  const look = () => rowsInView(count, rowHeight, list.current?.getBoundingClientRect().top ?? 0, innerHeight);
  const [rows, setRows] = useState(look);
  useEffect(() => {
    const follow = () => {
      const next = look();
      setRows((before) => (before.first === next.first && before.end === next.end ? before : next));
    };
    follow();
    addEventListener('scroll', follow, { passive: true });
    addEventListener('resize', follow);
    return () => {
      removeEventListener('scroll', follow);
      removeEventListener('resize', follow);
    };
  }, [count, rowHeight]);
  return { first: Math.min(rows.first, count), end: Math.min(Math.max(rows.end, rows.first), count) };
}
