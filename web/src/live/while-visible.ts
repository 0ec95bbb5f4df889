/** A page that is out of sight for so long lets its streams go. */
const PATIENCE_MS = 10_000;

/**
 * Keeps something open while the page is in sight: browsers have six connections to one server, all tabs together, and a stream
 * takes one of them for itself.
 * @param open opens it, and gives what closes it
 * @returns ends it
 */
export function whileVisible(open: () => () => void): () => void {
  let close: (() => void) | undefined = open();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const follow = () => {
    clearTimeout(timer);
    if (!document.hidden) close ??= open();
    else {
      timer = setTimeout(() => {
        close?.();
        close = undefined;
      }, PATIENCE_MS);
    }
  };
  document.addEventListener('visibilitychange', follow);
  return () => {
    document.removeEventListener('visibilitychange', follow);
    clearTimeout(timer);
    close?.();
    close = undefined;
  };
}
