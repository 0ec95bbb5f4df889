import type { ComponentChildren } from 'preact';
import type { Tone } from './badge.tsx';
import { Icon, type IconName } from './icon.tsx';

const ICONS: Record<Tone, IconName> = {
  neutral: 'info',
  ok: 'check',
  info: 'info',
  warning: 'warning',
  danger: 'error',
};

/** Something that whoever looks must know now. Read out when it appears; `danger` interrupts. */
export function Banner(props: {
  tone: Tone;
  title: ComponentChildren;
  children?: ComponentChildren;
  actions?: ComponentChildren;
}) {
  const { tone, title, children, actions } = props;
  return (
    <div class={`banner tone-${tone}`} role={tone === 'danger' ? 'alert' : 'status'}>
      <Icon name={ICONS[tone]} />
      <div class="banner-text">
        <p class="banner-title">{title}</p>
        {children && <div class="banner-detail">{children}</div>}
      </div>
      {actions && <div class="banner-actions">{actions}</div>}
    </div>
  );
}
