/**
 * What instances tell each other about clients, in messages of the log (`ReplicatedLog.send`): a slave forwards to the
 * master what clients ask of it, and hands them the answers.
 *
 * | kind        | way             | fields after the kind byte                                  |
 * |-------------|-----------------|-------------------------------------------------------------|
 * | DATAGRAMS   | slave to master | family 1, count 2, records of datagram-bundle.ts              |
 * | REPLIES     | master to slave | the same                                                    |
 * | REQUEST     | slave to master | unused 3, id 4, the request as JSON                          |
 * | OUTCOME     | master to slave | unused 1, status 2, id 4, the body                           |
 *
 * All integers are little-endian.
 */
import type { AdmissionChange } from '../tracker.ts';

export const KIND_DATAGRAMS = 1;
export const KIND_REPLIES = 2;
export const KIND_REQUEST = 3;
export const KIND_OUTCOME = 4;

/** A request that is not a datagram. */
export type ForwardedRequest =
  | {
      readonly type: 'http';
      readonly path: '/announce' | '/scrape';
      /** Raw, one character a byte. */
      readonly query: string;
      /** The client's address, 4 or 16 bytes. */
      readonly ip: readonly number[];
    }
  | { readonly type: 'change-admission'; readonly change: AdmissionChange }
  | { readonly type: 'step-down' }
  | { readonly type: 'remove-member'; readonly member: string };

/**
 * Answers of HTTP have its statuses; of the others 200 is done. STATUS_REFUSED has a Problem as JSON for its body; of an
 * HTTP request it says that the instance that was asked is not the master.
 */
export interface Outcome {
  readonly status: number;
  readonly body: Uint8Array;
}

export const STATUS_DONE = 200;
export const STATUS_REFUSED = 409;

const HEADER_BYTES = 8;
const ID = 4;
const STATUS = 2;

export function encodeRequest(id: number, request: ForwardedRequest): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(request));
  const message = new Uint8Array(HEADER_BYTES + json.length);
  message[0] = KIND_REQUEST;
  new DataView(message.buffer).setUint32(ID, id, true);
  message.set(json, HEADER_BYTES);
  return message;
}

/** Undefined where it cannot be read: an instance of another version sent it. */
export function decodeRequest(message: Uint8Array): { id: number; request: ForwardedRequest } | undefined {
  if (message.length < HEADER_BYTES) return undefined;
  try {
    const request = JSON.parse(new TextDecoder().decode(message.subarray(HEADER_BYTES)));
    return { id: viewOf(message).getUint32(ID, true), request };
  } catch {
    return undefined;
  }
}

export function encodeOutcome(id: number, { status, body }: Outcome): Uint8Array {
  const message = new Uint8Array(HEADER_BYTES + body.length);
  const view = new DataView(message.buffer);
  message[0] = KIND_OUTCOME;
  view.setUint16(STATUS, status, true);
  view.setUint32(ID, id, true);
  message.set(body, HEADER_BYTES);
  return message;
}

export function decodeOutcome(message: Uint8Array): { id: number; outcome: Outcome } | undefined {
  if (message.length < HEADER_BYTES) return undefined;
  const view = viewOf(message);
  const outcome = { status: view.getUint16(STATUS, true), body: message.subarray(HEADER_BYTES) };
  return { id: view.getUint32(ID, true), outcome };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
