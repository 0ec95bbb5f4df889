import type { ListedContent } from './cluster-api.ts';
import { TrackerError } from './tracker-error.ts';

/** Contents that an error names. */
export const MAX_CANDIDATES = 10;

/** Several contents go by what was given for a name. */
export class AmbiguousNameError extends TrackerError {
  /** The first of them. */
  readonly candidates: readonly ListedContent[];
  /** How many there are. */
  readonly total: number;

  constructor(message: string, candidates: readonly ListedContent[], total: number) {
    super('AMBIGUOUS_NAME', message);
    this.candidates = candidates;
    this.total = total;
  }
}

/**
 * The content of that name; if there is none, the only one whose name begins so.
 * @param pages of the list of contents
 * @throws {AmbiguousNameError} {@link TrackerError} NO_SUCH_CONTENT; whatever the pages throw
 */
export async function findContent(
  pages: AsyncIterable<readonly ListedContent[]>,
  name: string,
): Promise<ListedContent> {
  // One name has several forms in Unicode, and systems that keep another than they are given.
  const wanted = name.normalize();
  const [exact, beginning] = [new Matches(), new Matches()];
  for await (const page of pages) {
    for (const content of page) {
      const has = content.name?.normalize();
      if (has === wanted) exact.add(content);
      else if (wanted !== '' && has?.startsWith(wanted)) beginning.add(content);
    }
  }
  const found = exact.total > 0 ? exact : beginning;
  if (found.total === 1) return found.first[0];
  const shown = JSON.stringify(name);
  if (found.total === 0) {
    throw new TrackerError(
      'NO_SUCH_CONTENT',
      `no content is called ${shown}, nor begins so: \`swarmkeeper contents\` lists what there is`,
    );
  }
  const lines = found.first.map(({ sha1, name, size }) => `  ${sha1}  ${JSON.stringify(name)}, ${sizeText(size)}`);
  if (found.total > found.first.length) lines.push(`  ... and ${found.total - found.first.length} more`);
  const what = found === exact ? `are called ${shown}` : `begin with ${shown}`;
  throw new AmbiguousNameError(
    `${found.total} contents ${what}; give the sha1 of one:\n${lines.join('\n')}`,
    found.first,
    found.total,
  );
}

/** However many there are, a few are kept. */
class Matches {
  readonly first: ListedContent[] = [];
  total = 0;

  add(content: ListedContent): void {
    this.total++;
    if (this.first.length < MAX_CANDIDATES) this.first.push(content);
  }
}

function sizeText(size: number | null): string {
  return size === null ? 'size unknown' : `${size} bytes`;
}
