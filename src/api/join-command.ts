import { authority, isLoopback } from './client-address.ts';

/** What the cluster's instances have in common. */
export interface JoinOptions {
  readonly cluster: string;
  readonly group: Group | undefined;
  readonly memberGroup: Group | undefined;
  /** Addresses of the instance that tells it. */
  readonly hosts: readonly string[];
  readonly key: boolean;
  readonly expect: number;
  readonly replaceAfterSeconds: number | undefined;
  readonly intervalSeconds: number;
}

interface Group {
  readonly host: string;
  readonly port: number;
}

/**
 * The command that starts another instance, which joins the cluster and is brought up to date. On loopback it runs as it is;
 * elsewhere it runs on the new machine, and ADDRESS and FILE are its own. With `--expect` as at the founding, an instance that
 * does not find the cluster waits, instead of founding another one.
 * @param number tells its name and folder from those of the others
 */
export function joinCommand(options: JoinOptions, number: number): string {
  const { cluster, group, memberGroup, hosts, key, expect, replaceAfterSeconds, intervalSeconds } = options;
  const name = `${cluster}-${number}`;
  const words = ['bin/swarmkeeper', 'tracker', '--cluster', cluster, '--name', name];
  if (hosts.every(isLoopback)) words.push('--port', '0', '--data', `./${name}`);
  else words.push('--host', 'ADDRESS');
  if (key) words.push('--key-file', 'FILE');
  if (group !== undefined) words.push('--group', authority(group.host, group.port));
  if (memberGroup !== undefined) words.push('--member-group', authority(memberGroup.host, memberGroup.port));
  if (expect > 1) words.push('--expect', String(expect));
  if (replaceAfterSeconds !== undefined) words.push('--replace-after', String(replaceAfterSeconds));
  words.push('--interval', String(intervalSeconds));
  return words.join(' ');
}
