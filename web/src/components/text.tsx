import { signal, useComputed, useSignal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { formatAgo, formatDuration } from '../formatting/durations.ts';
import { visibleName } from '../formatting/names.ts';
import { IconButton } from './button.tsx';

/**
 * A name that somebody chose, as text: whatever its script and direction, it cannot reorder the words around it. `fallback` stands
 * where there is none.
 */
export function Name({ value, fallback = 'without a name' }: { value: string | null; fallback?: string }) {
  if (value === null || value === '') return <span class="name faint">{fallback}</span>;
  const text = visibleName(value);
  return (
    <bdi class="name" dir="auto" title={text}>
      {text}
    </bdi>
  );
}

/** A sha1: its beginning where there is little room, whole on hovering and for those who listen. */
export function Sha1({ value, short = true }: { value: string; short?: boolean }) {
  return (
    <code class="sha1" title={value}>
      {short ? value.slice(0, 10) : value}
    </code>
  );
}

const COPIED_MS = 1_500;

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), COPIED_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => {
    await copyText(text);
    setCopied(true);
  };
  return <IconButton icon={copied ? 'check' : 'copy'} label={copied ? 'Copied' : label} onClick={copy} />;
}

/** Browsers have the clipboard on loopback and https only; elsewhere the old way. */
async function copyText(text: string): Promise<void> {
  if (isSecureContext) return await navigator.clipboard.writeText(text);
  const field = document.createElement('textarea');
  field.value = text;
  field.className = 'visually-hidden';
  document.body.append(field);
  field.select();
  document.execCommand('copy');
  field.remove();
}

/** Ticks while the page is open; texts that follow it change only when what they say does. */
const now = signal(Date.now());
setInterval(() => {
  now.value = Date.now();
}, 1_000);

/** `20 s ago`, or with `elapsed` how long it has been: `20 s`. Kept up; the exact time on hovering. `at` is Unix time in milliseconds. */
export function RelativeTime({ at, elapsed = false }: { at: number; elapsed?: boolean }) {
  const since = useSignal(at);
  since.value = at;
  const text = useComputed(() => (elapsed ? formatDuration : formatAgo)(now.value - since.value));
  const date = new Date(at);
  return (
    <time dateTime={date.toISOString()} title={date.toLocaleString()}>
      {text}
    </time>
  );
}
