import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError } from './command-error.ts';

/** As many as `up` can run. */
const MOST_FOLDERS = 7;
/** Whoever has this file is the data folder of an instance. */
const LOG_FILE = 'log.db';

/**
 * The data folders of the instances that `up` runs: DATA/1, DATA/2, ... A single one has DATA itself, as `tracker` has. When
 * more are wanted later, the first stays there and the others join it, so that nothing is lost.
 * @throws CommandError FEWER_INSTANCES there are more already: without them there may be no majority;
 *   TWO_CLUSTERS both DATA and DATA/1 are of an instance
 */
export function instanceFolders(data: string, count: number): string[] {
  const numbers = Array.from({ length: MOST_FOLDERS }, (_, i) => i + 1);
  const used = numbers.filter((n) => isUsed(join(data, String(n))));
  const alone = isUsed(data);
  if (alone && used.includes(1)) {
    throw new CommandError(
      'TWO_CLUSTERS',
      `both ${data} and ${join(data, '1')} are data folders of an instance, and only one can be that of the first: move the one you do not want away, or use another --data`,
    );
  }
  const last = used.at(-1) ?? 0;
  if (last > count) {
    const enough = last + 1 - (last % 2);
    throw new CommandError(
      'FEWER_INSTANCES',
      `${data} holds a cluster of more than ${count} instances, which needs a majority of them: use --instances ${enough}, or another --data`,
    );
  }
  return numbers
    .slice(0, count)
    .map((n) => (n === 1 && (alone || (count === 1 && last === 0)) ? data : join(data, String(n))));
}

function isUsed(folder: string): boolean {
  return existsSync(join(folder, LOG_FILE));
}
