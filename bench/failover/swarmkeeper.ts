/** Three instances of Swarmkeeper; asked by multicast, and at the address of a slave that survives. */
import { join } from 'node:path';
import { Instance, newClusterNames, settled } from '../instances.ts';
import { AnnouncingClient } from './announcing-client.ts';
import { MEMBERS, type RunningSystem, type System } from './system.ts';

export const swarmkeeper: System = {
  name: 'swarmkeeper',
  async start(directory): Promise<RunningSystem> {
    const names = newClusterNames();
    const members = await Promise.all(
      Array.from({ length: MEMBERS }, (_, i) => {
        const name = `m${i}`;
        return Instance.start({ name, names, directory: join(directory, name), expect: MEMBERS });
      }),
    );
    return {
      members,
      settled: () => settled(members),
      stepDown: (master) => (master as Instance).stepDown(),
      clients: (survivor) =>
        Promise.all([
          AnnouncingClient.open('multicast', names.group),
          AnnouncingClient.open('slave', { host: '127.0.0.1', port: (survivor as Instance).port }),
        ]),
      async close() {
        await Promise.all(members.map((member) => member.stop('SIGKILL')));
      },
    };
  },
};
