import type { ComponentChildren } from 'preact';
import { Icon, type IconName } from './icon.tsx';

export type Tone = 'neutral' | 'ok' | 'info' | 'warning' | 'danger';

/** A state in a word, with an icon: the colour never says it alone. */
export function Badge(props: { tone?: Tone; icon: IconName; title?: string; children: ComponentChildren }) {
  const { tone = 'neutral', icon, title, children } = props;
  return (
    <span class={`badge tone-${tone}`} title={title}>
      <Icon name={icon} size={12} />
      {children}
    </span>
  );
}
