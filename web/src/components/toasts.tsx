import { signal } from '@preact/signals';
import { IconButton } from './button.tsx';
import { Icon } from './icon.tsx';

type ToastTone = 'ok' | 'danger';

interface Toast {
  readonly id: number;
  readonly tone: ToastTone;
  readonly text: string;
}

/** More than so many hide the page: the oldest goes. */
const MAX_TOASTS = 4;
/** Errors stay until they are closed. */
const OK_MS = 5_000;

const toasts = signal<readonly Toast[]>([]);
let lastId = 0;

/** Says for a moment that something was done, or, until it is closed, that it failed. */
export function toast(text: string, tone: ToastTone = 'ok'): void {
  const id = ++lastId;
  toasts.value = [...toasts.value, { id, tone, text }].slice(-MAX_TOASTS);
  if (tone === 'ok') setTimeout(() => dismiss(id), OK_MS);
}

/** The message of what was thrown, as a toast. */
export function toastError(error: unknown): void {
  toast(error instanceof Error ? error.message : String(error), 'danger');
}

function dismiss(id: number): void {
  toasts.value = toasts.value.filter((each) => each.id !== id);
}

/** Once a page, in the root. */
export function Toasts() {
  return (
    <div class="toasts" role="log" aria-label="Messages">
      {toasts.value.map(({ id, tone, text }) => (
        <div key={id} class={`toast tone-${tone}`}>
          <Icon name={tone === 'ok' ? 'check' : 'error'} />
          <p>{text}</p>
          <IconButton icon="cross" label="Close the message" onClick={() => dismiss(id)} />
        </div>
      ))}
    </div>
  );
}
