/** The limit of the machine: echo.c answers any datagram with 200 bytes and keeps nothing. */
import { compileEcho } from '../compile.ts';
import { announcedPort } from '../program.ts';
import { type ServerUnderTest, startPinned } from '../server.ts';

export const echo: ServerUnderTest = {
  name: 'echo in C',
  durable: false,
  echo: true,
  maxPeers: Number.POSITIVE_INFINITY,
  start: () => startPinned([compileEcho()], announcedPort),
};
