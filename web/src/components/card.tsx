import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

/** A part of a page with a heading. `flush` lets a table reach its edges. */
export function Card(props: {
  title?: ComponentChildren;
  /** Beside the title, e.g. a number or a badge. */
  note?: ComponentChildren;
  actions?: ComponentChildren;
  flush?: boolean;
  children: ComponentChildren;
}) {
  const { title, note, actions, flush = false, children } = props;
  const heading = useId();
  return (
    <section class={`card${flush ? ' card-flush' : ''}`} aria-labelledby={title === undefined ? undefined : heading}>
      {title !== undefined && (
        <header class="card-header">
          <h2 id={heading}>{title}</h2>
          {note !== undefined && <div class="card-note">{note}</div>}
          {actions !== undefined && <div class="card-actions">{actions}</div>}
        </header>
      )}
      <div class="card-body">{children}</div>
    </section>
  );
}

/** Numbers side by side. */
export function StatTiles({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <dl class="tiles" aria-label={label}>
      {children}
    </dl>
  );
}

export function StatTile(props: {
  label: string;
  value: ComponentChildren;
  unit?: string;
  detail?: ComponentChildren;
}) {
  const { label, value, unit, detail } = props;
  return (
    <div class="tile">
      <dt>{label}</dt>
      <dd class="tile-value">
        {value}
        {unit !== undefined && <span class="tile-unit"> {unit}</span>}
      </dd>
      {detail !== undefined && <dd class="tile-detail">{detail}</dd>}
    </div>
  );
}

/** Names and what they stand for, one a line. */
export function Facts({ children }: { children: ComponentChildren }) {
  return <dl class="facts">{children}</dl>;
}

export function Fact({ label, children }: { label: ComponentChildren; children: ComponentChildren }) {
  return (
    <div class="fact">
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}
