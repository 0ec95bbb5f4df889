import type { Stage, StageMember } from '../faults/stage.ts';
import { waitFor } from '../harness/wait-for.ts';
import type { Lan } from './lan.ts';

/** One member is cut off from the others; clients still reach it. */
export interface Cut {
  /** Completes "a member that ...". */
  readonly what: string;
  readonly hears: boolean;
  readonly isHeard: boolean;
}

export const CUTS: readonly Cut[] = [
  { what: 'neither hears the others nor is heard', hears: false, isHeard: false },
  { what: 'is heard but hears nobody', hears: false, isHeard: true },
  { what: 'hears but is not heard', hears: true, isHeard: false },
];

export async function cutOff(lan: Lan, member: string, members: readonly string[], cut: Cut): Promise<void> {
  if (!cut.hears) await lan.set(members, [member], { block: 'everything' });
  if (!cut.isHeard) await lan.set([member], members, { block: 'everything' });
}

/**
 * Waits until another instance answers than the one that did.
 * @returns yields who has answered since, however often it is asked
 */
export async function sourcesAfter({ watch }: Stage, old: StageMember): Promise<() => readonly number[]> {
  const { sources } = watch;
  const position = sources.lastIndexOf(old.clientPort);
  await waitFor('another master', () => sources.length > position + 1);
  return () => sources.slice(position + 1);
}
