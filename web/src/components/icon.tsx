/** 16 x 16, drawn with lines in the colour of the text around. */
const ICONS = {
  hexagon: 'M8 1.5 13.6 4.75v6.5L8 14.5l-5.6-3.25v-6.5Z',
  overview: 'M2 13V8.5M6 13V3M10 13V6.5M14 13V5',
  contents: 'M2.5 3.5h11M2.5 8h11M2.5 12.5h7',
  settings: 'M2 4.5h7M13 4.5h1M2 11.5h1M7 11.5h7M9 4.5a2 2 0 1 0 4 0 2 2 0 1 0-4 0M3 11.5a2 2 0 1 0 4 0 2 2 0 1 0-4 0',
  download: 'M8 2v8.5M4.5 7 8 10.5 11.5 7M2.5 13.5h11',
  share: 'M8 10.5V2M4.5 5.5 8 2l3.5 3.5M2.5 10v3.5h11V10',
  check: 'M3 8.5 6.5 12 13 4.5',
  cross: 'M4 4l8 8M12 4l-8 8',
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  play: 'M5 3v10l7.5-5Z',
  search: 'M2.5 7a4.5 4.5 0 1 0 9 0 4.5 4.5 0 1 0-9 0M10.3 10.3 14 14',
  copy: 'M5.5 5.5h8v8h-8ZM10.5 5.5v-3h-8v8h3',
  trash: 'M2.5 4.5h11M6 4V2.5h4V4M4 4.5l.7 9h6.6l.7-9M6.7 7v4M9.3 7v4',
  refresh: 'M13 3v3.5H9.5M13 6.5A5.3 5.3 0 1 0 13.2 9',
  folder: 'M2 12.5v-9h4l1.5 2H14v7Z',
  file: 'M4 2h5l3 3v9H4ZM9 2v3h3',
  warning: 'M8 2.2 14.5 13.5h-13ZM8 6.5v3.2M8 11.6v.2',
  error: 'M2 8a6 6 0 1 0 12 0A6 6 0 1 0 2 8M8 5v3.6M8 10.9v.2',
  info: 'M2 8a6 6 0 1 0 12 0A6 6 0 1 0 2 8M8 7.5V11M8 5v.2',
  clock: 'M2 8a6 6 0 1 0 12 0A6 6 0 1 0 2 8M8 4.5V8l2.5 1.5',
  crown: 'M2.5 12.5h11M2.5 10.5 2 4.5l3.3 2.7L8 3l2.7 4.2L14 4.5l-.5 6Z',
  vote: 'M2.5 8.5 5 11l3-3.5M8.5 11l5-6',
  swap: 'M2.5 5.5h10M9.5 2.5l3 3-3 3M13.5 10.5h-10M6.5 7.5l-3 3 3 3',
  join: 'M2 8h8M7 4.5 10.5 8 7 11.5M13.5 2.5v11',
  leave: 'M14 8H6M9 4.5 5.5 8 9 11.5M2.5 2.5v11',
  up: 'M8 13V3.5M4 7.5l4-4 4 4',
  down: 'M8 3v9.5M4 8.5l4 4 4-4',
  'chevron-left': 'M10 3.5 5.5 8l4.5 4.5',
  'chevron-right': 'M6 3.5 10.5 8 6 12.5',
  'chevron-down': 'M3.5 6 8 10.5 12.5 6',
  sort: 'M5 6.2 8 3l3 3.2M5 9.8 8 13l3-3.2',
  sun: 'M5 8a3 3 0 1 0 6 0 3 3 0 1 0-6 0M8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M12.6 3.4l-.7.7M4.1 11.9l-.7.7',
  moon: 'M13.5 9.5A6 6 0 0 1 6.5 2.5a5.8 5.8 0 1 0 7 7Z',
  system: 'M2 3h12v8H2ZM5.5 14h5M8 11v3',
  link: 'M6.5 9.5l3-3M7 4.5l1.6-1.6a3.2 3.2 0 0 1 4.5 4.5L11.5 9M9 11.5l-1.6 1.6a3.2 3.2 0 0 1-4.5-4.5L4.5 7',
  lock: 'M3.5 7.5h9v6.5h-9ZM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5',
  peers:
    'M3.7 5.5a2 2 0 1 0 4 0 2 2 0 1 0-4 0M1.5 13c0-2.4 1.8-4 4.2-4s4.2 1.6 4.2 4M10 3.7a2 2 0 0 1 0 3.6M11.5 9.3c1.8.4 3 1.8 3 3.7',
  activity: 'M1.5 8.5H4L6 3l3.5 10 2-4.5h3',
} as const;

export type IconName = keyof typeof ICONS;

/** Says nothing by itself: the words stand beside it, or in the label of its button. */
export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path
        d={ICONS[name]}
        fill="none"
        stroke="currentColor"
        stroke-width="1.5"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}
