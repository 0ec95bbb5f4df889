import type { DatabaseSync } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';
import { ContentsIndex } from './contents-index.ts';

/** Read in one transaction: a longer one would keep the writer from its checkpoints. */
const CONTENTS_AT_ONCE = 10_000;

/**
 * Makes an index of all contents of the tables. They change meanwhile: what it shows of each is of some moment between the
 * beginning and the end.
 * @throws {TooManyContentsError}
 */
export async function readContents(db: DatabaseSync): Promise<ContentsIndex> {
  const index = new ContentsIndex();
  const contents = db.prepare(
    'SELECT sha1, name, CAST(size AS REAL), completed FROM SWARM WHERE sha1 > ? ORDER BY sha1 LIMIT ?',
  );
  const peers = db.prepare(
    'SELECT sha1, count(*), sum("left" = 0) FROM CONTENTS WHERE sha1 > ? AND sha1 <= ? GROUP BY sha1 ORDER BY sha1',
  );
  contents.setReturnArrays(true);
  peers.setReturnArrays(true);
  for (let after = ''; ; await turn()) {
    db.exec('BEGIN');
    try {
      const rows = contents.all(after, CONTENTS_AT_ONCE) as unknown as ContentRow[];
      if (rows.length === 0) return index;
      const last = rows[rows.length - 1][0];
      addRows(index, rows, peers.all(after, last) as unknown as PeersRow[]);
      after = last;
    } finally {
      db.exec('COMMIT');
    }
  }
}

type ContentRow = readonly [sha1: string, name: string | null, size: number | null, completed: number];
type PeersRow = readonly [sha1: string, peers: number, seeders: number];

/** Both are in the order of the sha1; a content without peers has no row in the second. */
function addRows(index: ContentsIndex, contents: readonly ContentRow[], counts: readonly PeersRow[]): void {
  let at = 0;
  for (const [sha1, name, size, completed] of contents) {
    while (at < counts.length && counts[at][0] < sha1) at++;
    const [, peers, seeders] = counts[at]?.[0] === sha1 ? counts[at] : ['', 0, 0];
    index.add({ sha1, name, size, seeders, leechers: peers - seeders, completed });
  }
}
