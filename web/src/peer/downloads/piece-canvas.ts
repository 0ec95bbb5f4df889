import { cellValue, columnStart, type PieceGrid } from './piece-grid.ts';
import { PIECE_ACTIVE, PIECE_HERE } from './piece-map.ts';

/** From so many peers on a missing piece looks the same. */
const MANY_PEERS = 8;
const NOT_DRAWN = -1;

/** Colours as four bytes in the order of ImageData. */
export type Palette = Uint32Array;

/**
 * Draws pieces on a canvas, and again only those that changed: cells are kept as pixels, and the rows of them that changed go
 * to the canvas in one piece.
 */
export class PieceCanvas {
  readonly #context: CanvasRenderingContext2D;
  readonly #grid: PieceGrid;
  readonly #palette: Palette;
  readonly #image: ImageData;
  readonly #pixels: Uint32Array;
  /** What each cell shows. */
  readonly #shown: Int16Array;

  constructor(canvas: HTMLCanvasElement, grid: PieceGrid, palette: Palette) {
    canvas.width = grid.width;
    canvas.height = grid.height;
    this.#context = canvas.getContext('2d')!;
    this.#grid = grid;
    this.#palette = palette;
    this.#image = this.#context.createImageData(grid.width, grid.height);
    this.#pixels = new Uint32Array(this.#image.data.buffer);
    this.#shown = new Int16Array(grid.columns * grid.rows).fill(NOT_DRAWN);
  }

  draw(pieces: Uint8Array): void {
    const { columns, pitch, piecesPerCell, width } = this.#grid;
    const cells = Math.ceil(pieces.length / piecesPerCell);
    let firstRow = Number.POSITIVE_INFINITY;
    let lastRow = -1;
    for (let cell = 0; cell < cells; cell++) {
      const value = cellValue(pieces, this.#grid, cell);
      if (value === this.#shown[cell]) continue;
      this.#shown[cell] = value;
      const row = Math.floor(cell / columns);
      firstRow = Math.min(firstRow, row);
      lastRow = row;
      this.#fill(cell % columns, row, this.#palette[value]);
    }
    if (lastRow === -1) return;
    this.#context.putImageData(this.#image, 0, 0, 0, firstRow * pitch, width, (lastRow - firstRow + 1) * pitch);
  }

  #fill(column: number, row: number, colour: number): void {
    const { pitch, gap, width } = this.#grid;
    const left = columnStart(this.#grid, column);
    const right = columnStart(this.#grid, column + 1) - gap;
    for (let y = row * pitch; y < (row + 1) * pitch - gap; y++) {
      this.#pixels.fill(colour, y * width + left, y * width + right);
    }
  }
}

/** The colours of the theme, as the browser works them out. @param element in which the colours hold */
export function readPalette(element: HTMLElement): Palette {
  const colour = colourReader(element);
  const palette = new Uint32Array(256);
  palette[0] = colour('var(--piece-nobody)');
  for (let peers = 1; peers < PIECE_ACTIVE; peers++) {
    const share = (Math.min(peers, MANY_PEERS) - 1) / (MANY_PEERS - 1);
    palette[peers] = colour(`color-mix(in srgb, var(--piece-many) ${share * 100}%, var(--piece-few))`);
  }
  palette[PIECE_ACTIVE] = colour('var(--piece-active)');
  palette[PIECE_HERE] = colour('var(--piece-here)');
  return palette;
}

/** Through a pixel, as that is what the bytes must be. */
function colourReader(element: HTMLElement): (css: string) => number {
  const probe = document.createElement('span');
  const known = new Map<string, number>();
  const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true })!;
  return (css) => {
    let colour = known.get(css);
    if (colour === undefined) {
      probe.style.color = css;
      element.append(probe);
      context.fillStyle = getComputedStyle(probe).color;
      probe.remove();
      context.fillRect(0, 0, 1, 1);
      colour = new Uint32Array(context.getImageData(0, 0, 1, 1).data.buffer)[0];
      known.set(css, colour);
    }
    return colour;
  };
}
