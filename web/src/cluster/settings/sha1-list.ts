/** In one request, as the API has it. */
export const MAX_SHA1S = 1_000;

export interface Sha1List {
  /** Small letters, each once. */
  readonly sha1s: readonly string[];
  /** What stands there and is none. */
  readonly strangers: readonly string[];
}

/** Sha1s as people paste them: one a line, with commas or spaces between, in capitals, as magnet links. */
export function parseSha1List(text: string): Sha1List {
  const words = text.split(/[\s,;]+/).filter((word) => word !== '');
  const found = words.map((word) => ({ word, sha1: sha1In(word) }));
  return {
    sha1s: [...new Set(found.flatMap(({ sha1 }) => (sha1 === undefined ? [] : [sha1])))],
    strangers: found.filter(({ sha1 }) => sha1 === undefined).map(({ word }) => word),
  };
}

function sha1In(word: string): string | undefined {
  const found = /^([0-9a-f]{40})$/i.exec(word) ?? /^magnet:\?.*\burn:btih:([0-9a-f]{40})(?:&|$)/i.exec(word);
  return found?.[1].toLowerCase();
}

/** In parts that one request takes. */
export function inRequests(sha1s: readonly string[]): string[][] {
  const count = Math.ceil(sha1s.length / MAX_SHA1S);
  return Array.from({ length: count }, (_, i) => sha1s.slice(i * MAX_SHA1S, (i + 1) * MAX_SHA1S));
}
