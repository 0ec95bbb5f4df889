/** One fault, and what the clients saw of it. */
import { setTimeout as delay } from 'node:timers/promises';
import { untilAcknowledgedAgain, untilSteady } from './client.ts';
import type { Fault } from './faults.ts';
import type { RunningSystem } from './system.ts';

/** After the first acknowledgement of the new master it is watched for so long: a second gap would be seen. */
const WATCH_MS = 200;

export interface Trial {
  fault: string;
  gaps: Gap[];
  /** How late the clients' own timers were at worst while they watched. */
  clientLateMs: number;
  /** From the beginning of the repair until all members were at one again. */
  repairMs: number;
}

/** What one client saw. */
export interface Gap {
  view: string;
  gapMs: number;
  /** Requests answered more than once, and answers that say no. */
  repeated: number;
  refused: number;
}

/** @throws NoAnswerError, NotSettledError when the system does not recover in time */
export async function strike(system: RunningSystem, fault: Fault): Promise<Trial> {
  const master = await system.settled();
  const slaves = system.members.filter((member) => member !== master);
  const survivor = slaves[Math.floor(Math.random() * slaves.length)]!;
  const clients = await system.clients(survivor);
  try {
    await Promise.all(clients.map(untilSteady));
    for (const { pace } of clients) pace.worstDelayMs = 0;
    const faultMs = performance.now();
    await fault.strike(system, master);
    const completeMs = performance.now();
    await Promise.all(clients.map((client) => untilAcknowledgedAgain(client, completeMs)));
    await delay(WATCH_MS);
    const gapsMs = clients.map(({ acknowledgements }) => acknowledgements.longestGapMs(faultMs));
    const clientLateMs = Math.max(...clients.map(({ pace }) => pace.worstDelayMs));
    const repairedFromMs = performance.now();
    await fault.repair(master);
    await system.settled();
    const repairMs = performance.now() - repairedFromMs;
    // Counted after the repair: a master that comes back must not answer what its successor has answered.
    const gaps = clients.map(({ view, acknowledgements: { repeated, refused } }, i) => {
      return { view, gapMs: gapsMs[i]!, repeated, refused };
    });
    return { fault: fault.name, gaps, clientLateMs, repairMs };
  } finally {
    for (const client of clients) client.close();
  }
}
