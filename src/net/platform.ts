/**
 * Whether the Linux system calls for batches are used. SWARMKEEPER_PORTABLE=1 in the environment chooses the ways of
 * other systems on Linux too, for tests and in an emergency.
 */
export const hasBatchedCalls = process.platform === 'linux' && process.env.SWARMKEEPER_PORTABLE !== '1';
