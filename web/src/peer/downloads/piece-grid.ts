// How pieces lie on a canvas: row by row from the left, as large as there is room for. Pure, so that it can be tested.

/** Pieces are no larger than so many device pixels of a screen of ordinary density. */
const MAX_CELL = 14;
/** Smaller ones stand without gaps. */
const LEAST_CELL_WITH_GAP = 4;

export interface PieceGrid {
  readonly columns: number;
  readonly rows: number;
  /** From the beginning of one row to that of the next, device pixels; that of columns differs by less than one of them. */
  readonly pitch: number;
  /** Between cells, device pixels. */
  readonly gap: number;
  /** Pieces that one cell stands for: more than one where they are too many for the pixels. */
  readonly piecesPerCell: number;
  /** Of the canvas, device pixels. */
  readonly width: number;
  readonly height: number;
}

/**
 * @param width of the canvas, device pixels
 * @param maxHeight the same
 * @param density device pixels of a CSS pixel
 */
export function layOutPieces(pieceCount: number, width: number, maxHeight: number, density: number): PieceGrid {
  const room = Math.max(1, Math.floor(width));
  const largest = Math.max(1, Math.round(MAX_CELL * density));
  let pitch = largest;
  while (pitch > 1 && Math.ceil(pieceCount / Math.floor(room / pitch || 1)) * pitch > maxHeight) pitch--;
  const columns = Math.max(1, Math.floor(room / pitch));
  const maxRows = Math.max(1, Math.floor(maxHeight / pitch));
  const piecesPerCell = Math.max(1, Math.ceil(pieceCount / (columns * maxRows)));
  const rows = Math.max(1, Math.ceil(Math.ceil(pieceCount / piecesPerCell) / columns));
  const gap = pitch >= LEAST_CELL_WITH_GAP * density ? Math.max(1, Math.round(density)) : 0;
  return { columns, rows, pitch, gap, piecesPerCell, width: room, height: rows * pitch };
}

/** Where a column begins, device pixels: together they fill the width. */
export function columnStart({ columns, width }: PieceGrid, column: number): number {
  return Math.floor((column * width) / columns);
}

/** Which pieces are at a place of the canvas, first and end; undefined where there are none. */
export function piecesAt(grid: PieceGrid, pieceCount: number, x: number, y: number): [number, number] | undefined {
  const column = Math.floor((x * grid.columns) / grid.width);
  const row = Math.floor(y / grid.pitch);
  if (column < 0 || column >= grid.columns || row < 0 || row >= grid.rows) return undefined;
  const first = (row * grid.columns + column) * grid.piecesPerCell;
  return first < pieceCount ? [first, Math.min(pieceCount, first + grid.piecesPerCell)] : undefined;
}

/** What a cell shows of its pieces: the one that is missed most. */
export function cellValue(pieces: Uint8Array, grid: PieceGrid, cell: number): number {
  const first = cell * grid.piecesPerCell;
  if (grid.piecesPerCell === 1) return pieces[first];
  let value = 255;
  const end = Math.min(pieces.length, first + grid.piecesPerCell);
  for (let piece = first; piece < end; piece++) value = Math.min(value, pieces[piece]);
  return value;
}
