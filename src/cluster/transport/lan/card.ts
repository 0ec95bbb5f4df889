import type { ClusterId, Incarnation } from '../../consensus/identity.ts';
import type { WireReader, WireWriter } from '../wire.ts';

/** Who somebody is and where to reach it: part of every datagram and of every handshake. */
export interface Card {
  readonly clusterName: string;
  /** Null: no cluster yet. */
  readonly cluster: ClusterId | null;
  readonly incarnation: Incarnation;
  readonly host: string;
  readonly port: number;
}

/** As long as the command line allows. */
export const MAX_CLUSTER_NAME_BYTES = 63;
/** 1 + 63 name, 16 cluster, 32 incarnation, 17 host, 2 port. */
export const MAX_CARD_BYTES = 131;

export function writeCard(writer: WireWriter, { clusterName, cluster, incarnation, host, port }: Card): WireWriter {
  return writer
    .text(clusterName, MAX_CLUSTER_NAME_BYTES)
    .uuidOrNone(cluster)
    .incarnation(incarnation)
    .host(host)
    .u16(port);
}

/** @throws {MalformedError} */
export function readCard(reader: WireReader): Card {
  return {
    clusterName: reader.text(MAX_CLUSTER_NAME_BYTES),
    cluster: reader.uuidOrNone(),
    incarnation: reader.incarnation(),
    host: reader.host(),
    port: reader.u16(),
  };
}

/** One text per incarnation. */
export function incarnationKey({ member, boot, nonce }: Incarnation): string {
  return `${member}/${boot}/${nonce}`;
}

/** A fixed order of all incarnations: of two, the smaller one dials. */
export function isSmaller(a: Incarnation, b: Incarnation): boolean {
  if (a.member !== b.member) return a.member < b.member;
  return a.boot === b.boot ? a.nonce < b.nonce : a.boot < b.boot;
}

/** Two formed clusters never mix. */
export function isForeign(
  a: { readonly cluster: ClusterId | null },
  b: { readonly cluster: ClusterId | null },
): boolean {
  return a.cluster !== null && b.cluster !== null && a.cluster !== b.cluster;
}
