import type { IpFamily } from '../net/datagram-slots.ts';

/**
 * One announce, whichever way it came. A front end has one and fills it anew for each request, so that nothing is
 * allocated on the way.
 */
export class Announce {
  readonly infoHash = new Uint8Array(20);
  /** The same bytes, as the table takes them. */
  readonly infoHashWords = new Int32Array(this.infoHash.buffer);
  /** Compact address of the peer: its IP as the sender's, its port as announced; 6 or 18 bytes are used. */
  readonly address = new Uint8Array(18);
  /** The same bytes, as the table takes them. */
  readonly addressWords = new Uint16Array(this.address.buffer);
  family: IpFamily = 4;
  /** One of the EVENT_ constants of BEP 15. */
  event = 0;
  /** Bytes it still lacks. */
  left = 0;
  /** Peers it wants; negative: as many as we like. */
  numWant = -1;
  /** UTF-8, when the peer told the name of the content. */
  name: Uint8Array | undefined = undefined;
  /** Bytes; UNKNOWN_SIZE when not told. */
  size = 0;
}
