import { gzipSync } from 'node:zlib';
import type { Plugin, Rolldown } from 'vite';

/** Fails the build when a page, with the scripts it imports and its styles, is larger than `bytes` compressed by gzip. */
export function firstLoadBudget(bytes: number): Plugin {
  return {
    name: 'first-load-budget',
    apply: 'build',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        const pages = Object.keys(bundle).filter((name) => name.endsWith('.html'));
        for (const page of pages) {
          const size = [...filesOf(page, bundle)].reduce((sum, name) => sum + compressedSize(bundle[name]), 0);
          if (size > bytes) this.error(`${page} loads ${size} bytes compressed; ${bytes} is the most`);
          this.info(`${page}: ${size} bytes compressed`);
        }
      },
    },
  };
}

/** The page, what it names, and what that imports. */
function filesOf(page: string, bundle: Rolldown.OutputBundle): Set<string> {
  const files = new Set<string>();
  const waiting = [page];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const file = bundle[name];
    if (file === undefined || files.has(name)) continue;
    files.add(name);
    if (file.type === 'chunk') waiting.push(...file.imports);
    else if (name === page) waiting.push(...namesIn(text(file.source)));
  }
  return files;
}

function namesIn(html: string): string[] {
  return [...html.matchAll(/(?:src|href)="\/([^"]+)"/g)].map(([, name]) => name);
}

function compressedSize(file: Rolldown.OutputAsset | Rolldown.OutputChunk): number {
  return gzipSync(file.type === 'chunk' ? file.code : file.source).length;
}

function text(source: string | Uint8Array): string {
  return typeof source === 'string' ? source : new TextDecoder().decode(source);
}
