import { effect, signal } from '@preact/signals';

/** `system` follows the system; the others are remembered in this browser. */
export type ThemeChoice = 'system' | 'light' | 'dark';

/** Also in public/theme.js, which runs before the first paint. */
const KEY = 'theme';

export const themeChoice = signal<ThemeChoice>(remembered());

const systemIsDark = matchMedia('(prefers-color-scheme: dark)');
/** Rises when the colours on the page change, for what is drawn on a canvas. */
export const themeChanges = signal(0);
systemIsDark.addEventListener('change', () => {
  themeChanges.value++;
});

let first = true;
effect(() => {
  const choice = themeChoice.value;
  const { dataset } = document.documentElement;
  if (choice === 'system') delete dataset.theme;
  else dataset.theme = choice;
  if (!first) {
    remember(choice);
    themeChanges.value = themeChanges.peek() + 1;
  }
  first = false;
});

function remembered(): ThemeChoice {
  try {
    const theme = localStorage.getItem(KEY);
    return theme === 'light' || theme === 'dark' ? theme : 'system';
  } catch {
    return 'system';
  }
}

/** Where storage is switched off the choice lasts as long as the page. */
function remember(choice: ThemeChoice): void {
  try {
    if (choice === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, choice);
  } catch {}
}
