/** How many of `count` voters are a majority: any two majorities share a voter, which is what safety rests on. */
export function majority(count: number): number {
  return Math.floor(count / 2) + 1;
}

/**
 * The greatest value that a majority of voters has reached: the match index that is on a quorum of disks, or the
 * time at which a quorum was last heard. `-Infinity` without voters: nothing is ever committed by nobody.
 */
export function reachedByMajority(values: number[]): number {
  if (values.length === 0) return Number.NEGATIVE_INFINITY;
  if (values.length === 1) return values[0];
  values.sort((a, b) => b - a);
  return values[majority(values.length) - 1];
}
