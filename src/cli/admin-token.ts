import { readFile } from 'node:fs/promises';
import { CommandError } from './command-error.ts';

export const ADMIN_TOKEN_VARIABLE = 'SWARMKEEPER_ADMIN_TOKEN';
/** A token that can be guessed is worse than none: without one only loopback may change anything. */
const SHORTEST_TOKEN = 16;

/** The admin token out of the file, or out of the environment, or none. */
export async function adminToken(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) {
    const variable = process.env[ADMIN_TOKEN_VARIABLE];
    return variable === undefined || variable === '' ? undefined : checkedToken(variable, ADMIN_TOKEN_VARIABLE);
  }
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new CommandError('BAD_ADMIN_TOKEN', `the admin token cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return checkedToken(text.trim(), file);
}

function checkedToken(token: string, source: string): string {
  if (token.length < SHORTEST_TOKEN || !/^[\x21-\x7e]+$/.test(token)) {
    throw new CommandError(
      'BAD_ADMIN_TOKEN',
      `${source} must hold one admin token of at least ${SHORTEST_TOKEN} visible ASCII characters without spaces`,
    );
  }
  return token;
}
