import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Stage } from './testdata/transcript.ts';

/**
 * Each file in testdata tells one story: a command, `----`, and what the cores did. REWRITE_TRANSCRIPTS=1 writes what
 * they do now in place of what they should; read the difference before it is committed.
 */
const FOLDER = new URL('./testdata/', import.meta.url);
const rewrite = process.env.REWRITE_TRANSCRIPTS === '1';

describe('transcripts', () => {
  for (const name of readdirSync(FOLDER).filter((file) => file.endsWith('.txt'))) {
    it(`${name} happens as written`, () => {
      const file = new URL(name, FOLDER);
      const written = readFileSync(file, 'utf8');
      const played = play(written);
      if (rewrite) writeFileSync(file, played);
      else assert.equal(played, written);
    });
  }
});

/** Runs the commands of a transcript, and returns it with what really happened. Comments and blank lines stay. */
function play(transcript: string): string {
  const stage = new Stage();
  const out: string[] = [];
  let expected = false;
  for (const line of transcript.split('\n')) {
    if (line === '----') {
      expected = true;
    } else if (line === '') {
      expected = false;
      out.push('');
    } else if (line.startsWith('#')) out.push(line);
    else if (!expected) out.push(line, '----', ...stage.run(line));
  }
  return out.join('\n');
}
