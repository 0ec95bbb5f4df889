import type { ComponentChildren } from 'preact';

/** A dot with the words that it means; on a phone the words are for those who listen, and for the tip. */
export function ConnectionStatus(props: {
  tone: 'ok' | 'warning' | 'danger';
  title?: string;
  children: ComponentChildren;
}) {
  return (
    <div class={`connection tone-${props.tone}`} role="status" title={props.title}>
      <span class="connection-dot" aria-hidden="true" />
      <span class="connection-text">{props.children}</span>
    </div>
  );
}
