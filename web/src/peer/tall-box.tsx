import type { ComponentChildren } from 'preact';

/** What may be very long scrolls by itself, with the keyboard too. */
export function TallBox({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be focusable
    <section class="tall-box" aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}
