import { HASH_WORDS } from './info-hash-index.ts';

/**
 * What the table keeps of a swarm: sixteen words, a cache line, so that answering an announce reads one line for the
 * swarm and then goes straight to its peers. The fields are words of the record, behind the info-hash.
 */
export const RECORD_WORDS = 16;
export const RECORD_BYTES = RECORD_WORDS * 4;

/** Where a family's fields begin. */
export const FIELDS_4 = HASH_WORDS;
export const FIELDS_6 = HASH_WORDS + 3;
/** Fields of a family: its region's first position, how many peers are in it, how many of them (the first) are seeders. */
export const START = 0;
export const COUNT = 1;
export const SEEDERS = 2;

/** Downloads completed. */
export const COMPLETED = HASH_WORDS + 6;
/** Digest of name and size; 0 where nobody named the content. The name itself is in the database. */
export const NAME_TAG = HASH_WORDS + 7;
/** Cluster time, seconds, at which the last peer left. */
export const EMPTY_SINCE = HASH_WORDS + 8;
/** Orders of the regions, IPv4 in the low byte, IPv6 in the next; 0 where there is none. */
export const ORDERS = HASH_WORDS + 9;
/** No peer of the swarm was last seen before this (cluster time, seconds): while that is recent, none needs a look. */
export const OLDEST = HASH_WORDS + 10;
