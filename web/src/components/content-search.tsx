import { useEffect, useState } from 'preact/hooks';
import { changeQuery, query } from '../routing/router.ts';
import { SearchField } from './field.tsx';

/** The API's own bound. */
const MAX_SEARCH = 255;
/** After the last key, before the list is asked for. */
const TYPING_MS = 250;

/** The search of a list of contents: the address (`?search=`) follows what is typed, and the list follows the address. */
export function ContentSearch() {
  const current = query.value.get('search') ?? '';
  const [typed, setTyped] = useState(current);
  useEffect(() => setTyped(current), [current]);
  useEffect(() => {
    if (typed === current) return;
    const timer = setTimeout(() => changeQuery({ search: typed }, { replace: true }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, current]);
  return (
    <SearchField
      label="Search the contents"
      placeholder="Name, or the beginning of a sha1"
      maxLength={MAX_SEARCH}
      value={typed}
      onValue={setTyped}
    />
  );
}
