import type { ComponentChildren } from 'preact';
import { Icon, type IconName } from './icon.tsx';

/** What stands where nothing is yet: why, and what to do. */
export function EmptyState(props: {
  icon: IconName;
  title: string;
  children?: ComponentChildren;
  action?: ComponentChildren;
}) {
  const { icon, title, children, action } = props;
  return (
    <div class="empty">
      <div class="empty-icon">
        <Icon name={icon} size={20} />
      </div>
      <p class="empty-title">{title}</p>
      {children && <div class="empty-text">{children}</div>}
      {action && <div>{action}</div>}
    </div>
  );
}
