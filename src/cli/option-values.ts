// What the values of options may be. A bad one throws commander's InvalidArgumentError, which becomes exit code 2.

import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { InvalidArgumentError } from 'commander';
import { isMulticast } from '../net/multicast-interface.ts';
import type { MulticastGroup } from '../tracker/tracker.ts';

export const LOG_LEVELS = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
/** Longest name of a cluster or an instance, characters. */
const MAX_NAME = 63;
/** A cluster's name is a folder's name too. */
const CLUSTER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const SHORTEST_INTERVAL_SECONDS = 1;
const LONGEST_INTERVAL_SECONDS = 24 * 60 * 60;
/** More voters make each change slower and survive no likelier accident. */
const MOST_INSTANCES = 7;
const SHORTEST_REPLACE_AFTER_SECONDS = 1;
const LONGEST_REPLACE_AFTER_SECONDS = 30 * 24 * 60 * 60;
/** More than a machine should spend on members that may never come back. */
const MOST_LOG_MIB = 4_096;

/** Where peers ask by multicast. */
export const DEFAULT_GROUP: MulticastGroup = { host: '239.255.77.69', port: 6969 };

export interface TrackerAddress {
  readonly host: string;
  readonly port: number;
}

export function clusterName(value: string): string {
  if (!CLUSTER_NAME.test(value) || value.length > MAX_NAME) {
    throw new InvalidArgumentError(
      `A cluster's name has 1 to ${MAX_NAME} letters, digits, dots, dashes and underscores, and starts with a letter or digit.`,
    );
  }
  return value;
}

export function instanceName(value: string): string {
  if (value.length === 0 || value.length > MAX_NAME || /\p{Cc}/u.test(value)) {
    throw new InvalidArgumentError(`A name has 1 to ${MAX_NAME} printable characters.`);
  }
  return value;
}

export function defaultInstanceName(): string {
  return hostname().slice(0, MAX_NAME) || 'tracker';
}

/** 0 asks for a free port. */
export function port(value: string): number {
  return wholeNumber(value, 0, 65_535);
}

export function intervalSeconds(value: string): number {
  return wholeNumber(value, SHORTEST_INTERVAL_SECONDS, LONGEST_INTERVAL_SECONDS);
}

export function positiveCount(value: string): number {
  return wholeNumber(value, 1, Number.MAX_SAFE_INTEGER);
}

/** How many instances found a cluster. */
export function expectedInstances(value: string): number {
  return wholeNumber(value, 1, MOST_INSTANCES);
}

/** How many instances `up` runs. */
export function instanceCount(value: string): number {
  const count = wholeNumber(value, 1, MOST_INSTANCES);
  if (count % 2 === 0) {
    throw new InvalidArgumentError(
      `Give 1, 3, 5 or 7: a majority decides, so ${count} instances survive the loss of no more of them than ${count - 1} do.`,
    );
  }
  return count;
}

export function replaceAfterSeconds(value: string): number {
  return wholeNumber(value, SHORTEST_REPLACE_AFTER_SECONDS, LONGEST_REPLACE_AFTER_SECONDS);
}

/** How much of the log is kept, MiB. */
export function keptLogMib(value: string): number {
  return wholeNumber(value, 1, MOST_LOG_MIB);
}

/** Gathers a repeatable option; an address that is given twice counts once. */
export function hostAddresses(value: string, previous: readonly string[] | undefined): readonly string[] {
  if (isIP(value) === 0) throw new InvalidArgumentError('Give an IP address, such as 127.0.0.1 or ::1.');
  if (isWildcard(value) || isMulticast(value)) {
    throw new InvalidArgumentError(
      'It is no address of an interface, at which others could reach this instance. Give one, and repeat the option for more.',
    );
  }
  return previous?.includes(value) ? previous : [...(previous ?? []), value];
}

/** Gathers a repeatable option. */
export function interfaceAddresses(value: string, previous: readonly string[] | undefined): readonly string[] {
  if (isIP(value) === 0) throw new InvalidArgumentError('Give an address of this machine, such as 127.0.0.1.');
  return [...(previous ?? []), value];
}

/** 0.0.0.0 and ::, however they are written. */
function isWildcard(address: string): boolean {
  return /^[0:.]+$/.test(address) || /^::ffff:[0:.]+$/i.test(address);
}

/** `ADDR:PORT` of a multicast group. */
export function multicastGroup(value: string): MulticastGroup {
  const [, host = '', digits] = /^([\d.]+):(\d{1,5})$/.exec(value) ?? [];
  const number = Number(digits);
  if (!isMulticast(host) || !(number >= 1 && number <= 65_535)) {
    throw new InvalidArgumentError(`Give ADDR:PORT of an IPv4 multicast group, such as ${formatGroup(DEFAULT_GROUP)}.`);
  }
  return { host, port: number };
}

export function formatGroup({ host, port }: MulticastGroup): string {
  return `${host}:${port}`;
}

/** `HOST:PORT`, IPv6 in brackets. */
export function trackerAddress(value: string): TrackerAddress {
  const [, inBrackets, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]/@?#\s]+)):(\d{1,5})$/.exec(value) ?? [];
  const host = inBrackets ?? plain;
  const number = Number(digits);
  if (host === undefined || (inBrackets !== undefined && isIP(inBrackets) !== 6) || number < 1 || number > 65_535) {
    throw new InvalidArgumentError('Give HOST:PORT, such as 127.0.0.1:6969 or [::1]:6969.');
  }
  return { host, port: number };
}

/** The URL of the first page of a site, with a slash at its end. */
export function pagesAddress(value: string): string {
  const url = URL.parse(value);
  if (url === null || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw new InvalidArgumentError('Give the URL of its first page, such as http://127.0.0.1:7070/.');
  }
  return url.href;
}

export function logLevel(value: string): string {
  if (!(LOG_LEVELS as readonly string[]).includes(value)) {
    throw new InvalidArgumentError(`Give one of ${LOG_LEVELS.join(', ')}.`);
  }
  return value;
}

function wholeNumber(value: string, least: number, most: number): number {
  const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= least && number <= most)) {
    const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
    throw new InvalidArgumentError(`Give a whole number ${range}.`);
  }
  return number;
}
