import type { Member } from '../../../../src/api/schemas.ts';

/** By name, so that a change of roles does not move anybody. */
export function byName(members: readonly Member[]): Member[] {
  return members.toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }) || (a.id < b.id ? -1 : 1));
}
