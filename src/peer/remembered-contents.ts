import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const FILE = 'contents.json';
const sha1 = z.string().regex(/^[0-9a-f]{40}$/);

const SCHEMA = z.object({
  /** Contents that somebody paused. */
  paused: z.array(sha1),
  /** Contents whose torrent file is not known yet. */
  magnets: z.array(z.object({ magnet: z.string(), folder: z.string() })),
});
export type Remembered = z.infer<typeof SCHEMA>;

/** What a peer remembers of its contents beside their chunks, in a file of JSON in its data folder. */
export class RememberedContents {
  readonly #path: string;
  /** Writes, one after the other. */
  #writing: Promise<void> = Promise.resolve();
  #saved = '';

  constructor(dataFolder: string) {
    this.#path = join(dataFolder, FILE);
  }

  /** Nothing, where there is no such file. @throws with its path, when it cannot be read or is something else */
  async load(): Promise<Remembered> {
    const text = await readFile(this.#path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return JSON.stringify({ paused: [], magnets: [] });
      throw error;
    });
    try {
      return SCHEMA.parse(JSON.parse(text));
    } catch (cause) {
      const message = `${this.#path} is damaged or of another program; move it away, then start again`;
      throw Object.assign(new Error(message, { cause }), { code: 'CORRUPT_FILE' });
    }
  }

  /** Durable when it resolves; a reader finds the old state or the new one. */
  save(remembered: Remembered): Promise<void> {
    const text = JSON.stringify(remembered);
    const write = async () => {
      if (text === this.#saved) return;
      const part = `${this.#path}.part`;
      const file = await open(part, 'w');
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(part, this.#path);
      this.#saved = text;
    };
    const written = this.#writing.then(write);
    this.#writing = written.catch(() => {});
    return written;
  }
}
