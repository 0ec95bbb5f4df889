/** What happens to a master. */
import type { Member, RunningSystem } from './system.ts';

export interface Fault {
  readonly name: string;
  /** Resolves when the fault is complete; nothing is asked of the members meanwhile, which would disturb their election. */
  strike(system: RunningSystem, master: Member): Promise<unknown>;
  /** Makes the member whole again. */
  repair(master: Member): Promise<unknown>;
}

const nothing = async () => {};

export const FAULTS = {
  kill: {
    name: 'kill -9',
    strike: async (_, master) => master.kill('SIGKILL'),
    repair: (master) => master.restart(),
  },
  stop: {
    name: 'SIGSTOP',
    strike: async (_, master) => master.kill('SIGSTOP'),
    repair: async (master) => master.kill('SIGCONT'),
  },
  terminate: {
    name: 'SIGTERM',
    strike: (_, master) => {
      master.kill('SIGTERM');
      return master.ended;
    },
    repair: (master) => master.restart(),
  },
  'step-down': {
    name: 'step-down',
    strike: (system, master) => system.stepDown(master),
    repair: nothing,
  },
} satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;
