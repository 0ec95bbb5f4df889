import { createHash, randomFillSync, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** What `share` chooses for small contents, and all torrents here have. */
export const PIECE_BYTES = 32 * 1024;
export const BLOCK_BYTES = 16 * 1024;
const MIB = 1024 * 1024;

/** A file, or a folder of files. */
export interface Content {
  readonly name: string;
  /** Bytes of each file, by its path below the folder; by '' of the content that is a file itself. */
  readonly files: Readonly<Record<string, number>>;
}

export function file(name: string, bytes: number): Content {
  return { name, files: { '': bytes } };
}

/** Sizes and names at which programs differ. */
export function newContents(): Content[] {
  return [
    // One byte alone would be the same content as another test's, now and then.
    file(`one byte ${randomUUID()}`, 1),
    file('whole pieces.bin', 32 * PIECE_BYTES),
    file('a block over.bin', 8 * PIECE_BYTES + BLOCK_BYTES),
    file('a byte over.bin', 8 * PIECE_BYTES + BLOCK_BYTES + 1),
    file('Käse & 音楽 ♪ 100%.bin', 300_000),
    file('large.bin', 5 * MIB + 12_345),
    {
      name: 'folder',
      files: {
        'a.bin': MIB + 7,
        empty: 0,
        'deep/er/one byte': 1,
        'deep/er/empty too': 0,
        'deep/Übermaß/日本.txt': 70_000,
        'deep/two pieces': 2 * PIECE_BYTES,
        'z/last': 3 * BLOCK_BYTES,
      },
    },
  ];
}

/** Writes random bytes at `parent/name`. @returns that path */
export async function writeContent(parent: string, { name, files }: Content): Promise<string> {
  for (const [path, bytes] of Object.entries(files)) {
    const place = join(parent, name, path);
    await mkdir(dirname(place), { recursive: true });
    await writeFile(place, randomFillSync(new Uint8Array(bytes)));
  }
  return join(parent, name);
}

/** SHA-256 of each file at or below a path, by the rest of its path. */
export async function digest(path: string): Promise<Record<string, string>> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch((error) => {
    if (error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  if (entries === undefined) return { '': await hashOf(path) };
  const files = entries.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  const hashed = files.sort().map(async (each) => [each.slice(path.length + 1), await hashOf(each)]);
  return Object.fromEntries(await Promise.all(hashed));
}

async function hashOf(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}
