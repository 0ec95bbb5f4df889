import { homedir, networkInterfaces } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { isLoopback } from '../api/client-address.ts';
import { KEY_VARIABLE, type MemberKey, readMemberKey } from '../cluster/transport/member-key.ts';
import type { MulticastGroup } from '../tracker/tracker.ts';
import { ADMIN_TOKEN_VARIABLE } from './admin-token.ts';
import {
  clusterName,
  DEFAULT_GROUP,
  defaultInstanceName,
  formatGroup,
  hostAddresses,
  instanceName,
  intervalSeconds,
  keptLogMib,
  LOG_LEVELS,
  logLevel,
  multicastGroup,
  port,
  replaceAfterSeconds,
} from './option-values.ts';

/** The options of every command that runs instances, as they were given. */
export interface InstanceOptions {
  readonly cluster: string;
  readonly name?: string;
  readonly host?: readonly string[];
  readonly port: number;
  readonly data?: string;
  readonly interval: number;
  readonly group: MulticastGroup;
  readonly memberGroup?: MulticastGroup;
  readonly keyFile?: string;
  readonly replaceAfter?: number;
  readonly keepLog?: number;
  readonly adminTokenFile?: string;
  readonly logLevel: string;
  readonly json?: true;
}

/** What one instance is told beyond that. */
export interface TrackerCommandOptions extends InstanceOptions {
  readonly expect: number;
  readonly memberPort?: number;
  readonly peerPages?: string;
}

/**
 * TCP port for the members where firewalls may stand between them. Not one of those that `up` takes from the default
 * client port upwards.
 */
export const FIXED_MEMBER_PORT = 6968;

export function addInstanceOptions(command: Command): Command {
  return command
    .option('--cluster <name>', 'the cluster that it is a member of', clusterName, 'swarmkeeper')
    .option('--name <name>', 'what people call this instance (default: the name of this machine)', instanceName)
    .option(
      '--host <address>',
      'address to serve; may be repeated, other members use the first; not loopback: needs a key (default: 127.0.0.1 and ::1)',
      hostAddresses,
    )
    .option('--port <n>', 'port for clients, UDP and HTTP; 0 takes a free one', port, 6969)
    .option('--data <folder>', 'where its database is (default: ~/.local/share/swarmkeeper/CLUSTER)')
    .option('--interval <seconds>', 'how often clients are asked to announce', intervalSeconds, 1_800)
    .addOption(
      new Option('--group <address:port>', 'multicast group in which peers ask')
        .argParser(multicastGroup)
        .default(DEFAULT_GROUP, formatGroup(DEFAULT_GROUP)),
    )
    .option(
      '--member-group <address:port>',
      'multicast group in which members find each other (default: 239.255.77.70:6970)',
      multicastGroup,
    )
    .option('--key-file <file>', `file with the cluster's key, made by \`swarmkeeper keygen\` (or ${KEY_VARIABLE})`)
    .option(
      '--replace-after <seconds>',
      'how long a member is dead before a spare one takes its place for good (default: 60)',
      replaceAfterSeconds,
    )
    .option(
      '--keep-log <mib>',
      'how much of the log is kept, in memory and on disk, for members that were away; who lacks more gets a copy of all (default: 64)',
      keptLogMib,
    )
    .option(
      '--admin-token-file <file>',
      `file with the token that may change settings from another machine (or ${ADMIN_TOKEN_VARIABLE})`,
    )
    .option('--log-level <level>', `${LOG_LEVELS.join(', ')}; the log goes to stderr`, logLevel, 'warn')
    .option('--json', 'print one JSON object a line instead of text');
}

/**
 * The key, or null where all hosts are of this very machine.
 * @throws {MemberKeyError} what was given is no key
 * @throws CommanderError, of wrong usage: hosts that need a key, and there is none
 */
export function requiredKey(options: InstanceOptions, command: Command): MemberKey | null {
  const key = readMemberKey(options.keyFile, process.env) ?? null;
  const open = (options.host ?? []).find((host) => !isLoopback(host));
  if (key === null && open !== undefined) {
    command.error(
      `error: ${open} is not a loopback address: without a cluster key an instance serves this machine only. ` +
        `Make a key with \`swarmkeeper keygen --out FILE\` and give every instance of the cluster --key-file FILE, or use 127.0.0.1.`,
    );
  }
  return key;
}

/** The options that were given on the command line, but for some, as arguments of another command that knows them too. */
export function givenArguments(command: Command, except: readonly string[]): string[] {
  return command.options.flatMap((option) => {
    const name = option.attributeName();
    if (except.includes(name) || command.getOptionValueSource(name) !== 'cli') return [];
    return [command.getOptionValue(name)].flat().flatMap((value) => [option.long!, formatValue(value)]);
  });
}

function formatValue(value: unknown): string {
  return typeof value === 'object' ? formatGroup(value as MulticastGroup) : String(value);
}

export function instanceNameOf({ name }: InstanceOptions): string {
  return name ?? defaultInstanceName();
}

/** Both loopback addresses, or only the first where IPv6 is switched off. */
export function hostsOf({ host }: InstanceOptions): readonly string[] {
  if (host !== undefined) return host;
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return addresses.some(({ address }) => address === '::1') ? ['127.0.0.1', '::1'] : ['127.0.0.1'];
}

/**
 * Members tell each other their ports, so on one machine any free one will do: several instances must not collide.
 * Between machines it is a fixed one, which a firewall can be told.
 */
export function memberPortOf(options: TrackerCommandOptions): number {
  return options.memberPort ?? (isLoopback(hostsOf(options)[0]) ? 0 : FIXED_MEMBER_PORT);
}

/** XDG base directories: a relative $XDG_DATA_HOME is to be ignored. */
export function dataFolderOf({ data, cluster }: InstanceOptions): string {
  if (data !== undefined) return resolve(data);
  const base = process.env.XDG_DATA_HOME ?? '';
  return join(isAbsolute(base) ? base : join(homedir(), '.local', 'share'), 'swarmkeeper', cluster);
}
