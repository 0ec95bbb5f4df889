import type { ButtonHTMLAttributes, ComponentChildren } from 'preact';
import { Icon, type IconName } from './icon.tsx';

export interface ButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'size' | 'icon' | 'loading'> {
  /** `primary` is what the page is for, once a page. */
  readonly variant?: 'primary' | 'secondary' | 'quiet' | 'danger';
  readonly size?: 'normal' | 'small';
  readonly icon?: IconName | undefined;
  /** What it started is under way: it shows so, and takes no further clicks. */
  readonly busy?: boolean;
  readonly children: ComponentChildren;
}

export function Button(props: ButtonProps) {
  const { variant = 'secondary', size = 'normal', icon, busy = false, children, onClick, ...rest } = props;
  return (
    <button
      type="button"
      {...rest}
      class={`button button-${variant} button-${size}`}
      aria-busy={busy}
      aria-disabled={busy ? true : undefined}
      onClick={busy ? (event) => event.preventDefault() : onClick}
    >
      {icon && <Icon name={icon} />}
      <span>{children}</span>
    </button>
  );
}

/** A link that is as weighty as a button: it goes somewhere else. */
export function LinkButton(props: {
  href: string;
  variant?: 'primary' | 'secondary';
  size?: 'normal' | 'small';
  icon?: IconName;
  /** What it is called where that is more than what it says. */
  label?: string;
  children: ComponentChildren;
}) {
  const { href, variant = 'secondary', size = 'normal', icon, label, children } = props;
  return (
    <a class={`button button-${variant} button-${size}`} href={href} aria-label={label}>
      {icon && <Icon name={icon} />}
      <span>{children}</span>
    </a>
  );
}

export interface IconButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'size' | 'icon' | 'label'> {
  readonly icon: IconName;
  /** What it does, for those who cannot see the icon, and on hovering. */
  readonly label: string;
}

export function IconButton({ icon, label, ...rest }: IconButtonProps) {
  return (
    <button type="button" {...rest} class="button button-quiet icon-button" aria-label={label} title={label}>
      <Icon name={icon} />
    </button>
  );
}
