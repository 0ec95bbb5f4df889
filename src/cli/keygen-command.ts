import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { formatMemberKey, generateMemberKey } from '../cluster/transport/member-key.ts';
import { CommandError } from './command-error.ts';
import { printJson, printLine } from './output.ts';

interface KeygenOptions {
  out?: string;
  json?: true;
}

/** Whoever can read the key can join the cluster. */
const OWNER_ONLY = 0o600;

export function keygenCommand(): Command {
  return new Command('keygen')
    .description("make a cluster's key, which lets instances on several machines join each other")
    .option('--out <file>', 'write it to a new file that only you can read, instead of printing it')
    .option('--json', 'print one JSON object')
    .addHelpText('after', '\nExample:\n  swarmkeeper keygen --out films.key')
    .action(async ({ out, json }: KeygenOptions) => {
      const key = formatMemberKey(generateMemberKey());
      if (out === undefined) {
        if (json) printJson({ event: 'key', key: key.trim() });
        else printLine(key.trim());
        return;
      }
      await writeFile(out, key, { mode: OWNER_ONLY, flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
        throw unwritten(out, error);
      });
      if (json) printJson({ event: 'key', file: out });
      else printLine(`${out} holds the key: copy it to each machine, then start every instance with --key-file ${out}`);
    });
}

function unwritten(file: string, error: NodeJS.ErrnoException): CommandError {
  const why =
    error.code === 'EEXIST'
      ? 'it is there already, and a cluster may depend on it; name another file, or remove that one'
      : error.message;
  return new CommandError(error.code ?? 'UNWRITABLE', `the key cannot be written to ${file}: ${why}`, { cause: error });
}
