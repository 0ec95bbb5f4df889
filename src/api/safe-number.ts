/**
 * A log index or term as JSON has it. At a million batches a second it takes 285 years to leave the safe integers.
 * @throws RangeError rather than being off by one
 */
export function safeNumber(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError(`${value} is beyond the integers that JSON can carry`);
  return number;
}
