/** SIGKILL for every instance of a cluster, and the time until it answers again. */

import { settled } from '../instances.ts';
import { type Census, runLoad } from '../load.ts';
import type { Cluster } from './measure.ts';

export interface Restart {
  /** From the start of the new processes to the first correct answer of any of them. */
  seconds: number;
  /** The same to the first correct answer of each: slaves answer through the master. */
  everywhereSeconds: number;
  /** All swarms counted afterwards. */
  census: Census;
}

export async function restartAll({ members, population }: Cluster): Promise<Restart> {
  await Promise.all(members.map((member) => member.stop('SIGKILL')));
  const began = performance.now();
  const [answered] = await Promise.all([
    Promise.all(
      members.map(async (member) => {
        await runLoad('ready', member, population);
        return (performance.now() - began) / 1000;
      }),
    ),
    Promise.all(members.map((member) => member.restart())),
  ]);
  const census = await runLoad('verify', await settled(members), population);
  return { seconds: Math.min(...answered), everywhereSeconds: Math.max(...answered), census };
}
