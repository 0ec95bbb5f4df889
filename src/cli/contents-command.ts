import { Command } from 'commander';
import { type Contents, ContentsSchema, MAX_PAGE } from '../api/schemas.ts';
import { askApi } from './api-client.ts';
import { positiveCount, type TrackerAddress } from './option-values.ts';
import { printable, printJson, printLine } from './output.ts';
import { type Column, formatBytes, tableLines } from './table.ts';
import { addTrackerOptions, type TrackerOptions, trackerToAsk } from './tracker-options.ts';

interface ContentsOptions extends TrackerOptions {
  readonly limit?: number;
  readonly json?: true;
}

type Content = Contents['contents'][number];

export function contentsCommand(): Command {
  return addTrackerOptions(new Command('contents'))
    .description('list the available contents')
    .option('--limit <n>', 'print at most this many (default: all)', positiveCount)
    .option('--json', 'print one JSON object a line, one for each content')
    .addHelpText('after', '\nExample:\n  swarmkeeper contents --tracker 127.0.0.1:6969 --limit 20')
    .action(async ({ limit = Number.POSITIVE_INFINITY, json, ...options }: ContentsOptions) => {
      const tracker = await trackerToAsk(options);
      let printed = 0;
      for await (const contents of contentPages(tracker, limit)) {
        if (json) for (const content of contents) printJson(content);
        // The titles stand above the first page only.
        else for (const line of tableLines(COLUMNS, contents).slice(printed === 0 ? 0 : 1)) printLine(line);
        printed += contents.length;
      }
    });
}

/** At least one page, which may be empty; together at most `limit` contents. */
async function* contentPages(tracker: TrackerAddress, limit: number): AsyncGenerator<readonly Content[]> {
  let left = limit;
  let next: string | null = null;
  do {
    const query = new URLSearchParams({ limit: String(Math.min(left, MAX_PAGE)) });
    if (next !== null) query.set('after', next);
    const page: Contents = await askApi(tracker, `/api/v1/contents?${query}`, ContentsSchema);
    yield page.contents;
    left -= page.contents.length;
    next = page.next;
  } while (next !== null && left > 0);
}

/** Widths are fixed, so that pages line up; the name, which may be long, comes last. */
const COLUMNS: readonly Column<Content>[] = [
  { title: 'SHA1', align: 'left', width: 40, cell: ({ sha1 }) => sha1 },
  { title: 'SIZE', align: 'right', width: 10, cell: ({ size }) => formatBytes(size) },
  { title: 'SEEDERS', align: 'right', cell: ({ seeders }) => String(seeders) },
  { title: 'LEECHERS', align: 'right', cell: ({ leechers }) => String(leechers) },
  { title: 'COMPLETED', align: 'right', cell: ({ completed }) => String(completed) },
  { title: 'NAME', align: 'left', cell: ({ name }) => (name === null ? '-' : printable(name)) },
];
