/** What a system under test must offer: three members of which one is the master, faults, and clients that ask all the time. */
import type { Client } from './client.ts';

export const MEMBERS = 3;

export interface System {
  readonly name: string;
  /** @param directory of its own, empty */
  start(directory: string): Promise<RunningSystem>;
}

export interface RunningSystem {
  readonly members: readonly Member[];
  /** Resolves with the master once all members agree on it and have applied all that it has committed. */
  settled(): Promise<Member>;
  /** Hands mastership from `master` to another member; resolves when that is done. */
  stepDown(master: Member): Promise<void>;
  /** Clients of this system; those that ask one member ask `survivor`. */
  clients(survivor: Member): Promise<Client[]>;
  close(): Promise<void>;
}

export interface Member {
  readonly name: string;
  readonly pid: number;
  kill(signal: NodeJS.Signals): void;
  /** Resolves when its process has ended. */
  readonly ended: Promise<unknown>;
  /** Starts it again, on the same ports and data; resolves when it listens. */
  restart(): Promise<void>;
}
