import type { ReadonlySignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { path } from '../routing/router.ts';
import { type ThemeChoice, themeChoice } from '../theme.ts';
import { Icon, type IconName } from './icon.tsx';

export interface NavItem {
  readonly href: string;
  readonly label: string;
  readonly icon: IconName;
  /** Beside the label, e.g. how many. */
  readonly count?: string | ReadonlySignal<string> | undefined;
}

/** Navigation at the side, on a phone at the bottom; the page in the middle. */
export function AppShell(props: {
  /** Under the product's name, e.g. that of the cluster. */
  subtitle: ComponentChildren;
  nav: readonly NavItem[];
  /** How it stands with the connection; below the navigation. */
  status: ComponentChildren;
  /** Banners above every page. */
  banners?: ComponentChildren;
  children: ComponentChildren;
}) {
  const { subtitle, nav, status, banners, children } = props;
  return (
    <div class="shell">
      <a class="skip-link" href="#main">
        To the content
      </a>
      <header class="shell-top">
        <a class="brand" href="/">
          <BrandMark />
          <span class="brand-text">
            <span class="brand-name">Swarmkeeper</span>
            <span class="brand-subtitle">{subtitle}</span>
          </span>
        </a>
        <div class="shell-status">{status}</div>
        <ThemeSwitch />
      </header>
      <nav class="shell-nav" aria-label="Pages">
        <ul>
          {nav.map(({ href, label, icon, count }) => (
            <li key={href}>
              <a class="nav-link" href={href} aria-current={isCurrent(href) ? 'page' : undefined}>
                <Icon name={icon} />
                <span>{label}</span>
                {count !== undefined && <span class="nav-count">{count}</span>}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <main class="shell-main" id="main" tabIndex={-1}>
        <div class="shell-banners">{banners}</div>
        {children}
      </main>
    </div>
  );
}

function isCurrent(href: string): boolean {
  return href === '/' ? path.value === '/' : path.value === href || path.value.startsWith(`${href}/`);
}

function BrandMark() {
  return (
    <svg class="brand-mark" width="28" height="28" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path d="M16 2 28 9v14L16 30 4 23V9Z" fill="var(--honey)" />
      <path d="M16 9 22 12.5v7L16 23l-6-3.5v-7Z" fill="#1a1407" />
    </svg>
  );
}

const THEMES: readonly { choice: ThemeChoice; label: string; icon: IconName }[] = [
  { choice: 'system', label: 'Theme of the system', icon: 'system' },
  { choice: 'light', label: 'Light theme', icon: 'sun' },
  { choice: 'dark', label: 'Dark theme', icon: 'moon' },
];

function ThemeSwitch() {
  return (
    <fieldset class="theme-switch">
      <legend class="visually-hidden">Theme</legend>
      {THEMES.map(({ choice, label, icon }) => (
        <label key={choice} title={label}>
          <input
            type="radio"
            name="theme"
            class="visually-hidden"
            checked={themeChoice.value === choice}
            onChange={() => {
              themeChoice.value = choice;
            }}
          />
          <span class="visually-hidden">{label}</span>
          <Icon name={icon} />
        </label>
      ))}
    </fieldset>
  );
}
