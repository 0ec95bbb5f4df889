import type { ComponentChildren } from 'preact';
import type { Tone } from './badge.tsx';
import { Icon, type IconName } from './icon.tsx';
import { RelativeTime } from './text.tsx';

export interface TimeLineEntry {
  readonly key: string | number;
  /** Unix time, milliseconds. */
  readonly at: number;
  readonly icon: IconName;
  readonly tone: Tone;
  readonly text: ComponentChildren;
}

/** What happened, newest first. */
export function TimeLine({ label, entries }: { label: string; entries: readonly TimeLineEntry[] }) {
  return (
    // Scrolls, so it can be reached with the keyboard.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be focusable
    <section class="time-line" aria-label={label} tabIndex={0}>
      <ol>
        {entries.map(({ key, at, icon, tone, text }) => (
          <li key={key} class={`time-line-entry tone-${tone}`}>
            <span class="time-line-icon">
              <Icon name={icon} size={12} />
            </span>
            <div class="time-line-text">{text}</div>
            <span class="time-line-time">
              <RelativeTime at={at} />
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
