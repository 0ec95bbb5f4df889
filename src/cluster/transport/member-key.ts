import { createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

/**
 * The secret that the members of one cluster share. A KeyObject: it can be handed to a worker, and nobody prints it by
 * mistake. Never used itself, only what is derived from it for one purpose.
 */
export type MemberKey = KeyObject;

export const KEY_VARIABLE = 'SWARMKEEPER_KEY';
const KEY_BYTES = 32;
const HEX_DIGITS = KEY_BYTES * 2;
/** A key file is one line; anything much longer is another file. */
const LONGEST_FILE_BYTES = 4096;

export class MemberKeyError extends Error {
  override readonly name = 'MemberKeyError';
  readonly code = 'BAD_KEY';
}

export function generateMemberKey(): MemberKey {
  return createSecretKey(randomBytes(KEY_BYTES));
}

/** The content of a key file: 64 hexadecimal digits and a newline. */
export function formatMemberKey(key: MemberKey): string {
  return `${key.export().toString('hex')}\n`;
}

/** @throws {MemberKeyError} it is not 64 hexadecimal digits; white space around them and lines that begin with # do not count */
export function parseMemberKey(text: string, source = 'the key'): MemberKey {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const digits = lines.filter((line) => line !== '' && !line.startsWith('#')).join('\n');
  if (!/^[0-9a-f]*$/i.test(digits) || digits.length !== HEX_DIGITS) {
    const found = /^[0-9a-f]*$/i.test(digits) ? `${digits.length} of them` : 'something else';
    throw new MemberKeyError(
      `${source} is no cluster key: it should be ${HEX_DIGITS} hexadecimal digits, and there is ${found}. Make one with: swarmkeeper keygen`,
    );
  }
  const bytes = Buffer.from(digits, 'hex');
  if (bytes.every((byte) => byte === bytes[0])) {
    throw new MemberKeyError(
      `${source} is one byte repeated, which anybody can guess. Make one with: swarmkeeper keygen`,
    );
  }
  return createSecretKey(bytes);
}

/**
 * The key of an instance: from the file, else from SWARMKEEPER_KEY; undefined where neither is given.
 * @throws {MemberKeyError} the file cannot be read, or what was given is no key
 */
export function readMemberKey(keyFile: string | undefined, environment: NodeJS.ProcessEnv): MemberKey | undefined {
  if (keyFile !== undefined) {
    let text: Buffer;
    try {
      text = readFileSync(keyFile);
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code ?? 'UNKNOWN';
      throw new MemberKeyError(`cannot read the key file ${keyFile}: ${code}`, { cause });
    }
    if (text.length > LONGEST_FILE_BYTES) throw new MemberKeyError(`${keyFile} is too long to be a key file`);
    return parseMemberKey(text.toString('latin1'), keyFile);
  }
  const given = environment[KEY_VARIABLE];
  return given === undefined || given === '' ? undefined : parseMemberKey(given, KEY_VARIABLE);
}

/**
 * A key for one purpose (HKDF-SHA256, RFC 5869). Clusters of different names share none, even with one secret: the name
 * is the salt.
 */
export function deriveKey(key: MemberKey, clusterName: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, clusterName, `swarmkeeper 1 ${purpose}`, KEY_BYTES));
}
