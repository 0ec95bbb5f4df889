// BEP 11: peers tell one another whom else they are connected to, at most once a minute.

import { encode } from './bencode.ts';
import {
  type AddressFamily,
  IPV4_BYTES,
  IPV4_PEER_BYTES,
  IPV6_BYTES,
  IPV6_PEER_BYTES,
  type PeerAddress,
  parseIp,
  readCompactPeers,
  writeCompactPeer,
} from './compact-peers.ts';
import { readExtendedDictionary } from './extension-protocol.ts';

/** Of each kind in one message, as BEP 11 has it. */
export const MAX_EXCHANGED_PEERS = 50;
/** Seconds between two messages to one peer. */
export const PEER_EXCHANGE_SECONDS = 60;

/** What the sender says of a peer that it added. */
export interface ExchangedPeer extends PeerAddress {
  /** It has all, or wants nothing more. */
  readonly seed: boolean;
  /** It takes uTP. */
  readonly utp: boolean;
  /** The sender reached it at this address. */
  readonly reachable: boolean;
}

export interface PeerExchange {
  readonly added: readonly ExchangedPeer[];
  readonly dropped: readonly PeerAddress[];
}

/** The payload of a message; peers beyond MAX_EXCHANGED_PEERS are left out. */
export function encodePeerExchange(exchange: PeerExchange): Uint8Array {
  const added = exchange.added.slice(0, MAX_EXCHANGED_PEERS);
  const dropped = exchange.dropped.slice(0, MAX_EXCHANGED_PEERS);
  const [added4, added6] = [ofFamily(added, 4), ofFamily(added, 6)];
  return encode({
    added: compact(added4, 4),
    'added.f': Uint8Array.from(added4, flags),
    added6: compact(added6, 6),
    'added6.f': Uint8Array.from(added6, flags),
    dropped: compact(ofFamily(dropped, 4), 4),
    dropped6: compact(ofFamily(dropped, 6), 6),
  });
}

/**
 * Reads the payload of a message, no more than MAX_EXCHANGED_PEERS of each kind and family; what is cut short is empty.
 * @throws {ExtensionProtocolError} it is no dictionary
 */
export function parsePeerExchange(payload: Uint8Array): PeerExchange {
  const { dictionary } = readExtendedDictionary(payload);
  const peers = (key: string, family: AddressFamily): PeerAddress[] => {
    const value = dictionary.get(key);
    const stride = family === 4 ? IPV4_PEER_BYTES : IPV6_PEER_BYTES;
    if (!(value instanceof Uint8Array) || value.length % stride !== 0) return [];
    return readCompactPeers(value.subarray(0, MAX_EXCHANGED_PEERS * stride), family);
  };
  const added = (key: string, family: AddressFamily): ExchangedPeer[] => {
    const value = dictionary.get(`${key}.f`);
    const bits = value instanceof Uint8Array ? value : EMPTY;
    return peers(key, family).map((peer, i) => ({
      ...peer,
      seed: (bits[i] & SEED) !== 0,
      utp: (bits[i] & UTP) !== 0,
      reachable: (bits[i] & REACHABLE) !== 0,
    }));
  };
  const real = ({ port }: PeerAddress) => port !== 0;
  return {
    added: [...added('added', 4), ...added('added6', 6)].filter(real),
    dropped: [...peers('dropped', 4), ...peers('dropped6', 6)].filter(real),
  };
}

const SEED = 0x02;
const UTP = 0x04;
const REACHABLE = 0x10;
const EMPTY = new Uint8Array(0);

function flags(peer: ExchangedPeer): number {
  return (peer.seed ? SEED : 0) | (peer.utp ? UTP : 0) | (peer.reachable ? REACHABLE : 0);
}

function ofFamily<Peer extends PeerAddress>(peers: readonly Peer[], family: AddressFamily): Peer[] {
  const bytes = family === 4 ? IPV4_BYTES : IPV6_BYTES;
  return peers.filter(({ host }) => parseIp(host)?.length === bytes);
}

function compact(peers: readonly PeerAddress[], family: AddressFamily): Uint8Array {
  const bytes = new Uint8Array(peers.length * (family === 4 ? IPV4_PEER_BYTES : IPV6_PEER_BYTES));
  let at = 0;
  for (const { host, port } of peers) at = writeCompactPeer(bytes, at, parseIp(host) ?? EMPTY, port);
  return bytes;
}
