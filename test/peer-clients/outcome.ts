import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { waitFor } from '../harness/wait-for.ts';
import { digest } from './contents.ts';
import type { OtherClient, OtherProgram } from './other-client.ts';
import type { Place } from './place.ts';
import { PATIENCE_MS } from './swarmkeeper.ts';

/** What the tracker counts of a swarm. */
export interface Counts {
  readonly seeders: number;
  readonly leechers: number;
  readonly completed: number;
}

type Named = readonly { readonly sha1: string }[];

/** Waits until the client says that it has all of these. */
export async function completes(client: OtherClient, torrents: Named): Promise<void> {
  await client.process.until(
    'the client is complete',
    async () => {
      const missing: string[] = [];
      for (const { sha1 } of torrents) if (!(await client.isComplete(sha1))) missing.push(sha1);
      assert.deepEqual(missing, []);
      return true;
    },
    PATIENCE_MS,
  );
}

/**
 * The same files with the same bytes, and no others.
 * @param habits of a program that fetched them, or had them
 */
export async function assertSame(
  had: string,
  fetched: string,
  { ownFiles, makesEmptyFiles = true }: Partial<Pick<OtherProgram, 'ownFiles' | 'makesEmptyFiles'>> = {},
): Promise<void> {
  const shown = async (path: string) => {
    const files = Object.entries(await digest(path)).filter(([name]) => !ownFiles?.test(name));
    return Object.fromEntries(files.filter(([, hash]) => makesEmptyFiles || hash !== EMPTY));
  };
  assert.deepEqual(await shown(fetched), await shown(had));
}

/** SHA-256 of nothing. */
const EMPTY = createHash('sha256').digest('hex');

/** Waits until the tracker counts so many, of each of the contents. */
export async function told(place: Place, torrents: Named, counts: Counts) {
  for (const { sha1 } of torrents) {
    await waitFor(`the tracker to know of ${sha1}`, async () => {
      assert.deepEqual(await place.counts(sha1), counts);
      return true;
    });
  }
}
