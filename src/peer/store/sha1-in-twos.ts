import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import koffi from 'koffi';

// One SHA-1 cannot be divided, and the SHA instructions of a processor wait for one another's results most of the time: two at
// once are done in little more than the time of one. OpenSSL, which is part of Node, has that for its own TLS records.
// Only imported on Linux.

const LANES = 8;
const STATE_WORDS = 5;
const BLOCK_BYTES = 64;
/** Of a pointer and a count, with padding. */
const DESCRIPTOR_BYTES = 16;
/** What `sha1_multi_block` takes for "four lanes, of which those without blocks are left as they are". */
const FOUR_LANES = 1;
/** FIPS 180-4, section 5.3.1. */
const INITIAL_STATE = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];

type MultiBlock = (state: Uint32Array, descriptors: Uint8Array, lanes: number) => void;

/** SHA-1 of two inputs, 20 bytes each. */
export type Sha1InTwos = (inputs: readonly [Uint8Array, Uint8Array]) => [Uint8Array, Uint8Array];

/** @returns undefined where two at once are no faster, or Node does not have it */
export function sha1InTwos(): Sha1InTwos | undefined {
  // Other processors need eight inputs at a time to gain anything, and another OpenSSL might mean something else by the name.
  if (process.arch !== 'x64' || !process.versions.openssl?.startsWith('3.') || !hasShaInstructions()) return undefined;
  try {
    const multiBlock = koffi.load(null).func('void sha1_multi_block(void *state, const void *inputs, int lanes)');
    const both: Sha1InTwos = (inputs) => hashBoth(multiBlock as MultiBlock, inputs);
    return isRight(both) ? both : undefined;
  } catch {
    return undefined;
  }
}

function hasShaInstructions(): boolean {
  try {
    return /^flags\s*:.* sha_ni\b/m.test(readFileSync('/proc/cpuinfo', 'latin1'));
  } catch {
    return false;
  }
}

function hashBoth(multiBlock: MultiBlock, inputs: readonly [Uint8Array, Uint8Array]): [Uint8Array, Uint8Array] {
  // Word by word, each for all lanes.
  const state = new Uint32Array(STATE_WORDS * LANES);
  for (const [word, value] of INITIAL_STATE.entries()) state.fill(value, word * LANES, (word + 1) * LANES);
  multiBlock(state, describe(inputs), FOUR_LANES);
  const ends = [endOf(inputs[0]), endOf(inputs[1])] as const;
  multiBlock(state, describe(ends), FOUR_LANES);
  return [digestOf(state, 0), digestOf(state, 1)];
}

/** Where the inputs lie and how many whole blocks they have. */
function describe(inputs: readonly Uint8Array[]): Uint8Array {
  const descriptors = Buffer.alloc(LANES * DESCRIPTOR_BYTES);
  for (const [lane, input] of inputs.entries()) {
    const blocks = Math.floor(input.length / BLOCK_BYTES);
    if (blocks === 0) continue;
    descriptors.writeBigUInt64LE(koffi.address(input), lane * DESCRIPTOR_BYTES);
    descriptors.writeInt32LE(blocks, lane * DESCRIPTOR_BYTES + 8);
  }
  return descriptors;
}

/** What is left after the whole blocks, padded (FIPS 180-4, section 5.1.1). */
function endOf(input: Uint8Array): Uint8Array {
  const rest = input.subarray(input.length - (input.length % BLOCK_BYTES));
  const end = Buffer.alloc(rest.length + 9 > BLOCK_BYTES ? 2 * BLOCK_BYTES : BLOCK_BYTES);
  end.set(rest);
  end[rest.length] = 0x80;
  end.writeBigUInt64BE(BigInt(input.length) * 8n, end.length - 8);
  return end;
}

function digestOf(state: Uint32Array, lane: number): Uint8Array {
  const digest = Buffer.alloc(STATE_WORDS * 4);
  for (let word = 0; word < STATE_WORDS; word++) digest.writeUInt32BE(state[word * LANES + lane], word * 4);
  return digest;
}

/** That the OpenSSL of this Node still means the same by it. */
function isRight(both: Sha1InTwos): boolean {
  const inputs = [Buffer.alloc(1000, 'one'), Buffer.alloc(300, 'another')] as const;
  return both(inputs).every((digest, i) => hash('sha1', inputs[i], 'buffer').equals(digest));
}
