import { useEffect, useRef, useState } from 'preact/hooks';
import { Card } from '../../components/card.tsx';
import { formatCount, formatPercent, formatPlural } from '../../formatting/numbers.ts';
import { themeChanges } from '../../theme.ts';
import type { ContentLive } from './content-live.ts';
import { PieceCanvas, readPalette } from './piece-canvas.ts';
import { layOutPieces, type PieceGrid, piecesAt } from './piece-grid.ts';
import { PIECE_ACTIVE, PIECE_HERE, type PieceMap, type PieceSummary } from './piece-map.ts';

/** CSS pixels. */
const MAX_HEIGHT = 240;
/** The words change at most so often: they are read, not watched. */
const WORDS_MS = 1_000;

/** Which pieces are here, which are being fetched, and how many peers have the others. */
export function PiecesCard({ name, live }: { name: string; live: ContentLive }) {
  const map = live.map.value;
  if (!map) {
    return (
      <Card title="Pieces">
        <p class="soft">{map === null ? 'Its pieces are known as soon as a peer tells what it consists of.' : '…'}</p>
      </Card>
    );
  }
  return (
    <Card title="Pieces" note={<Words live={live} map={map} />}>
      <MapCanvas name={name} live={live} map={map} />
      <ul class="piece-legend" aria-hidden="true">
        <li>
          <span class="piece-key piece-key-here" /> here
        </li>
        <li>
          <span class="piece-key piece-key-active" /> being fetched
        </li>
        <li>
          <span class="piece-key piece-key-peers" /> missing: the stronger, the more peers have it
        </li>
        <li>
          <span class="piece-key piece-key-nobody" /> missing, and nobody connected has it
        </li>
      </ul>
    </Card>
  );
}

/** The summary, no more than once a second. */
function useSummary(live: ContentLive, map: PieceMap): PieceSummary {
  const [summary, setSummary] = useState(() => map.summary());
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    setSummary(map.summary());
    const stop = live.changes.subscribe(() => {
      timer ??= setTimeout(() => {
        timer = undefined;
        setSummary(map.summary());
      }, WORDS_MS);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [live, map]);
  return summary;
}

function Words({ live, map }: { live: ContentLive; map: PieceMap }) {
  return <>{inWords(useSummary(live, map))}</>;
}

export function inWords({ total, here, active, missing, unavailable, rarest }: PieceSummary): string {
  if (here === total) return `all ${formatCount(total)} are here`;
  const parts = [`${formatCount(here)} of ${formatCount(total)} here`];
  if (active > 0) parts.push(`${formatCount(active)} being fetched`);
  if (unavailable > 0) parts.push(`${formatCount(unavailable)} that nobody connected has`);
  else if (missing > 0 && rarest !== undefined) parts.push(`the rarest with ${formatPlural(rarest, 'peer')}`);
  return parts.join(', ');
}

function MapCanvas({ name, live, map }: { name: string; live: ContentLive; map: PieceMap }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const place = useRef<HTMLDivElement>(null);
  const grid = useRef<PieceGrid>(undefined);
  const theme = themeChanges.value;
  const [tip, setTip] = useState('');
  const summary = useSummary(live, map);

  useEffect(() => {
    const element = place.current!;
    let drawn: PieceCanvas | undefined;
    let frame = 0;
    const draw = () => {
      frame = 0;
      drawn?.draw(map.pieces);
    };
    const layOut = () => {
      const density = devicePixelRatio;
      const width = element.clientWidth * density;
      if (width === 0) return;
      grid.current = layOutPieces(map.pieces.length, width, MAX_HEIGHT * density, density);
      drawn = new PieceCanvas(canvas.current!, grid.current, readPalette(element));
      canvas.current!.style.height = `${grid.current.height / density}px`;
      draw();
    };
    const resized = new ResizeObserver(layOut);
    resized.observe(element);
    const stop = live.changes.subscribe(() => {
      if (frame === 0) frame = requestAnimationFrame(draw);
    });
    return () => {
      resized.disconnect();
      stop();
      cancelAnimationFrame(frame);
    };
  }, [live, map, theme]);

  const point = ({ offsetX, offsetY }: MouseEvent) => {
    const density = devicePixelRatio;
    const at = grid.current && piecesAt(grid.current, map.pieces.length, offsetX * density, offsetY * density);
    setTip(at === undefined ? '' : describe(map, at));
  };

  return (
    <div ref={place} class="piece-map">
      <canvas
        ref={canvas}
        role="img"
        aria-label={`Pieces of ${name}: ${inWords(summary)}, that is ${formatPercent(summary.total === 0 ? 1 : summary.here / summary.total)}`}
        onPointerMove={point}
        onPointerLeave={() => setTip('')}
      />
      <p class="piece-tip" aria-hidden="true">
        {tip}
      </p>
    </div>
  );
}

function describe({ pieces }: PieceMap, [first, end]: [number, number]): string {
  if (end - first > 1) {
    const here = pieces.subarray(first, end).reduce((count, value) => count + Number(value === PIECE_HERE), 0);
    return `Pieces ${formatCount(first)} to ${formatCount(end - 1)}: ${formatCount(here)} of ${formatCount(end - first)} here`;
  }
  const value = pieces[first];
  const what =
    value === PIECE_HERE
      ? 'here'
      : value === PIECE_ACTIVE
        ? 'being fetched'
        : value === 0
          ? 'missing, and nobody connected has it'
          : `missing, ${formatPlural(value, 'peer has it', 'peers have it')}`;
  return `Piece ${formatCount(first)}: ${what}`;
}
