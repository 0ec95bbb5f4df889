// Which page is shown: the address of the browser as a signal. Links are ordinary <a>; a click on one of this site's pages changes
// the address without loading anything.

import { computed, signal } from '@preact/signals';

/** Of the server, not of the pages. */
const NOT_PAGES = /^\/(api|assets|metrics|announce|scrape)(\/|$)/;

const address = signal(readAddress());

/** Without a slash at the end, `/` for the first page. */
export const path = computed(() => address.value.path);
export const query = computed(() => new URLSearchParams(address.value.query));

/** Shows another page, e.g. `/contents?search=film`. */
export function navigate(to: string, options: { replace?: boolean } = {}): void {
  if (options.replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  address.value = readAddress();
}

/** Changes the query of this page; undefined or '' takes a name out. */
export function changeQuery(changes: Record<string, string | undefined>, options: { replace?: boolean } = {}): void {
  const next = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined || value === '') next.delete(name);
    else next.set(name, value);
  }
  const text = next.toString();
  navigate(`${location.pathname}${text === '' ? '' : `?${text}`}`, options);
}

/** Follows links and the buttons of the browser; called once, when the pages start. */
export function startRouting(): void {
  addEventListener('popstate', () => {
    address.value = readAddress();
  });
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (link === null || link.target !== '' || link.hasAttribute('download')) return;
    const to = new URL(link.href);
    const samePage = to.pathname === location.pathname && to.search === location.search && to.hash !== '';
    if (to.origin !== location.origin || NOT_PAGES.test(to.pathname) || samePage) return;
    event.preventDefault();
    const moved = to.pathname !== location.pathname;
    navigate(to.pathname + to.search + to.hash);
    if (moved) scrollTo(0, 0);
  });
}

function readAddress(): { path: string; query: string } {
  const path = location.pathname.replace(/\/+$/, '');
  return { path: path === '' ? '/' : path, query: location.search };
}
