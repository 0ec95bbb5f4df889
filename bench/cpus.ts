/** The server under test has one core to itself, the load the other. */
export const SERVER_CPU = 0;
export const LOAD_CPU = 1;
/** Where neither must be kept from the other's core. */
export const BOTH_CPUS = [SERVER_CPU, LOAD_CPU];
