import { homedir, networkInterfaces } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { ADMIN_TOKEN_VARIABLE } from './admin-token.ts';
import {
  clusterName,
  defaultInstanceName,
  hostAddresses,
  instanceName,
  intervalSeconds,
  LOG_LEVELS,
  logLevel,
  port,
} from './option-values.ts';

/** The options of every command that runs an instance, as they were given. */
export interface InstanceOptions {
  readonly cluster: string;
  readonly name?: string;
  readonly host?: readonly string[];
  readonly port: number;
  readonly data?: string;
  readonly interval: number;
  readonly adminTokenFile?: string;
  readonly logLevel: string;
  readonly json?: true;
}

export function addInstanceOptions(command: Command): Command {
  return command
    .option('--cluster <name>', 'the cluster that it is a member of', clusterName, 'swarmkeeper')
    .option('--name <name>', 'what people call this instance (default: the name of this machine)', instanceName)
    .option('--host <address>', 'address to serve; may be repeated (default: 127.0.0.1 and ::1)', hostAddresses)
    .option('--port <n>', 'port for clients, UDP and HTTP; 0 takes a free one', port, 6969)
    .option('--data <folder>', 'where its database is (default: ~/.local/share/swarmkeeper/CLUSTER)')
    .option('--interval <seconds>', 'how often clients are asked to announce', intervalSeconds, 1_800)
    .option(
      '--admin-token-file <file>',
      `file with the token that may change settings from another machine (or ${ADMIN_TOKEN_VARIABLE})`,
    )
    .option('--log-level <level>', `${LOG_LEVELS.join(', ')}; the log goes to stderr`, logLevel, 'warn')
    .option('--json', 'print one JSON object a line instead of text');
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

/** XDG base directories: a relative $XDG_DATA_HOME is to be ignored. */
export function dataFolderOf({ data, cluster }: InstanceOptions): string {
  if (data !== undefined) return resolve(data);
  const base = process.env.XDG_DATA_HOME ?? '';
  return join(isAbsolute(base) ? base : join(homedir(), '.local', 'share'), 'swarmkeeper', cluster);
}
