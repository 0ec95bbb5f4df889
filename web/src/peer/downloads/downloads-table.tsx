import type { ReadonlySignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { PeerContentView } from '../../../../src/api/peer/peer-schemas.ts';
import { Badge } from '../../components/badge.tsx';
import { IconButton } from '../../components/button.tsx';
import { ProgressBar } from '../../components/progress-bar.tsx';
import { Name } from '../../components/text.tsx';
import { formatBytes, formatRate } from '../../formatting/bytes.ts';
import { formatCount, formatPercent } from '../../formatting/numbers.ts';
import { pause, resume } from '../peer-actions.ts';
import { progressOf, stateOf, timeLeft } from './content-words.ts';
import { useRowsInView } from './rows-in-view.ts';

/** As in peer.css, pixels. */
const ROW_HEIGHT = 64;
const COLUMNS = 8;

/** However long the list is, only the rows in view are there; each is drawn again when its content changes. */
export function DownloadsTable({ contents }: { contents: readonly ReadonlySignal<PeerContentView>[] }) {
  const body = useRef<HTMLTableSectionElement>(null);
  const { first, end } = useRowsInView(body, contents.length, ROW_HEIGHT);
  return (
    <div class="table-scroll">
      <table class="table downloads" aria-rowcount={contents.length + 1}>
        <caption class="visually-hidden">What this peer gets and shares</caption>
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col" class="cell-grow">
              Name
            </th>
            <th scope="col" class="hide-below-tablet">
              Progress
            </th>
            <th scope="col" class="hide-below-tablet">
              State
            </th>
            <th scope="col" class="cell-end hide-below-tablet">
              Down
            </th>
            <th scope="col" class="cell-end hide-below-desk">
              Up
            </th>
            <th scope="col" class="cell-end hide-below-desk">
              Peers
            </th>
            <th scope="col" class="cell-end hide-below-desk">
              Time left
            </th>
            <th scope="col">
              <span class="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody ref={body}>
          <Space rows={first} />
          {contents.slice(first, end).map((content, i) => (
            <Row key={content.peek().sha1} content={content} index={first + i + 2} />
          ))}
          <Space rows={contents.length - end} />
        </tbody>
      </table>
    </div>
  );
}

/** Where rows would stand that are out of sight. */
function Space({ rows }: { rows: number }) {
  if (rows <= 0) return null;
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: nothing in it can be focused
    <tr class="downloads-space" aria-hidden="true">
      <td colSpan={COLUMNS} style={{ height: `${rows * ROW_HEIGHT}px` }} />
    </tr>
  );
}

function Row({ content, index }: { content: ReadonlySignal<PeerContentView>; index: number }) {
  const view = content.value;
  const { sha1, name, state, downSpeed, upSpeed, peers, reason } = view;
  const { label, icon, tone } = stateOf(view);
  const progress = progressOf(view);
  const called = name ?? sha1;
  const isPaused = state === 'paused';
  return (
    <tr aria-rowindex={index}>
      <th scope="row" class="cell-grow">
        <a class="cell-link" href={`/downloads/${sha1}`}>
          <Name value={name} fallback={`${sha1.slice(0, 16)}…`} />
        </a>
        <span class="cell-sub">
          {sizeText(view)}
          <span class="only-below-tablet"> · {shortState(view)}</span>
        </span>
        <span class={`thin-progress only-below-tablet thin-${toneOf(view)}`} aria-hidden="true">
          <span style={{ transform: `scaleX(${progress ?? 0})` }} />
        </span>
      </th>
      <td class="downloads-progress hide-below-tablet">
        <ProgressBar
          label={called}
          value={progress}
          tone={toneOf(view)}
          text={progress === undefined ? '–' : formatPercent(progress)}
        />
      </td>
      <td class="hide-below-tablet">
        <Badge tone={tone} icon={icon} {...(reason !== null && { title: reason })}>
          {label}
        </Badge>
      </td>
      <td class="cell-end hide-below-tablet downloads-rate">{downSpeed > 0 ? formatRate(downSpeed) : <Nothing />}</td>
      <td class="cell-end hide-below-desk downloads-rate">{upSpeed > 0 ? formatRate(upSpeed) : <Nothing />}</td>
      <td class="cell-end hide-below-desk">{formatCount(peers)}</td>
      <td class="cell-end hide-below-desk downloads-left">{timeLeft(view) ?? <Nothing />}</td>
      <td class="cell-actions">
        {isPaused ? (
          <IconButton icon="play" label={`Resume ${called}`} onClick={() => resume(sha1)} />
        ) : (
          <IconButton icon="pause" label={`Pause ${called}`} onClick={() => pause(sha1)} />
        )}
      </td>
    </tr>
  );
}

function Nothing() {
  return <span class="faint">–</span>;
}

function sizeText({ size, bytesDone, state, uploaded }: PeerContentView): string {
  if (size === null) return 'size unknown';
  if (state === 'seeding')
    return uploaded > 0 ? `${formatBytes(size)}, ${formatBytes(uploaded)} sent` : formatBytes(size);
  return `${formatBytes(bytesDone)} of ${formatBytes(size)}`;
}

/** What a phone has room for. */
function shortState(view: PeerContentView): string {
  const { label } = stateOf(view);
  if (view.state === 'downloading' && view.downSpeed > 0) {
    const left = timeLeft(view);
    return `${formatRate(view.downSpeed)}${left === undefined ? '' : ` · ${left}`}`;
  }
  return view.state === 'seeding' && view.upSpeed > 0 ? `${formatRate(view.upSpeed)} up` : label;
}

function toneOf({ state }: PeerContentView): 'accent' | 'ok' | 'neutral' {
  return state === 'seeding' ? 'ok' : state === 'downloading' ? 'accent' : 'neutral';
}
