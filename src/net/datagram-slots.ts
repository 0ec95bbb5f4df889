/**
 * Fixed memory for datagrams on their way in or out: `capacity` slots of `stride` bytes, each with a length and
 * the endpoint it came from or goes to. Handlers read and write it in place, so that nothing is allocated per
 * datagram.
 *
 * An endpoint is laid out as Linux's sockaddr_in or sockaddr_in6, whichever socket it belongs to: copying its
 * words copies the endpoint.
 */
export class DatagramSlots {
  readonly capacity: number;
  /** Bytes from one slot to the next, and the longest datagram that fits. */
  readonly stride: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** The same bytes in words as memory has them; `stride` is a multiple of four. */
  readonly words16: Uint16Array;
  readonly words32: Int32Array;
  /** Length of the datagram in each slot. */
  readonly lengths: Int32Array;
  readonly endpoints: Uint8Array;
  readonly endpointWords: Int32Array;
  readonly endpointWords16: Uint16Array;

  constructor(capacity: number, stride: number) {
    this.capacity = capacity;
    this.stride = stride;
    const datagrams = new ArrayBuffer(capacity * stride);
    const endpoints = new ArrayBuffer(capacity * ENDPOINT_BYTES);
    this.bytes = new Uint8Array(datagrams);
    this.view = new DataView(datagrams);
    this.words16 = new Uint16Array(datagrams);
    this.words32 = new Int32Array(datagrams);
    this.lengths = new Int32Array(capacity);
    this.endpoints = new Uint8Array(endpoints);
    this.endpointWords = new Int32Array(endpoints);
    this.endpointWords16 = new Uint16Array(endpoints);
  }
}

export type IpFamily = 4 | 6;

/** Bytes from one endpoint to the next. */
export const ENDPOINT_BYTES = 32;
export const ENDPOINT_WORDS = ENDPOINT_BYTES / 4;
/** Where the port (2 bytes, network order) stands in an endpoint. */
export const ENDPOINT_PORT = 2;
/** The port's half of an endpoint's first word; the other half is the address family's. */
export const ENDPOINT_PORT_MASK = 0xffff_0000 | 0;
/** The address family in an endpoint's first two bytes, as Linux numbers them. */
export const ENDPOINT_FAMILY = { 4: 2, 6: 10 } as const;
/** Where the address stands in an endpoint: 4 bytes of IPv4, 16 of IPv6. */
export const ENDPOINT_ADDRESS = { 4: 4, 6: 8 } as const;
/** Words at the head of an endpoint that carry everything: family, port, address (and IPv6's flow and scope). */
export const ENDPOINT_USED_WORDS = { 4: 2, 6: 7 } as const;
