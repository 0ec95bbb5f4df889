import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

/** Of the page that was shown last: what is shown while the first one waits for the server is no other page. */
let lastPath = location.pathname;

/** A page with its title. Coming from another one the focus goes to the title, so that everybody notices. */
export function Page(props: {
  title: string;
  /** What stands for the title, where it is more than text. */
  heading?: ComponentChildren;
  /** Beside the title. */
  note?: ComponentChildren;
  /** Of where this page belongs. */
  back?: { href: string; label: string };
  actions?: ComponentChildren;
  children: ComponentChildren;
}) {
  const { title, heading = title, note, back, actions, children } = props;
  const headingElement = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Swarmkeeper`;
  }, [title]);
  useEffect(() => {
    if (location.pathname !== lastPath) headingElement.current?.focus({ preventScroll: true });
    lastPath = location.pathname;
  }, []);
  return (
    <div class="page">
      <header class="page-header">
        {back && (
          <a class="page-back" href={back.href}>
            ← {back.label}
          </a>
        )}
        <h1 ref={headingElement} tabIndex={-1}>
          {heading}
        </h1>
        {note !== undefined && <div class="page-note">{note}</div>}
        {actions !== undefined && <div class="page-actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}
