import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/** One JSON object on a line of its own, for programs. */
export function printJson(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function printLine(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** A path for people: as short as it can be from where they are. */
export function shownPath(path: string): string {
  const near = relative('', path);
  return printable(near === '' || near.startsWith('..') ? path : near);
}

/** Text that somebody else chose, safe for a terminal: no escape sequences, one line. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, '\u{fffd}');
}
