/** The server under test has one core to itself, the load the other. */
export const SERVER_CPU = 0;
export const LOAD_CPU = 1;
