import { request } from 'node:http';
import type { z } from 'zod';
import { authority } from '../api/client-address.ts';
import { ErrorSchema } from '../api/schemas.ts';
import { CommandError } from './command-error.ts';
import type { TrackerAddress } from './option-values.ts';

const TIMEOUT_MS = 10_000;
/** Longest answer that is read, bytes; a full page of contents is a tenth of it. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

export interface AskOptions {
  /** GET by default. */
  readonly method?: 'GET' | 'POST';
  /** Sent along, for what not everybody may do. */
  readonly adminToken?: string | undefined;
  readonly timeoutMs?: number;
}

/**
 * Asks an instance's API.
 * @throws CommandError UNREACHABLE; NOT_A_TRACKER where the answer is not of this API; the API's own code and message
 */
export async function askApi<Schema extends z.ZodType>(
  address: TrackerAddress,
  path: string,
  schema: Schema,
  options: AskOptions = {},
): Promise<z.output<Schema>> {
  const at = authority(address.host, address.port);
  const { status, body } = await ask(address, path, options);
  const json = parseJson(body);
  const answer = schema.safeParse(json);
  if (status === 200 && answer.success) return answer.data;
  const failure = ErrorSchema.safeParse(json);
  if (failure.success) {
    const { code, message } = failure.data.error;
    throw new CommandError(code, `the tracker at ${at} says: ${message}`);
  }
  throw notATracker(at);
}

/**
 * Asks an instance for what is no JSON.
 * @throws CommandError UNREACHABLE, NOT_A_TRACKER
 */
export async function askText(address: TrackerAddress, path: string, options: AskOptions = {}): Promise<string> {
  const { status, body } = await ask(address, path, options);
  if (status === 200) return body;
  throw notATracker(authority(address.host, address.port));
}

async function ask(address: TrackerAddress, path: string, options: AskOptions): Promise<Answer> {
  const at = authority(address.host, address.port);
  const { timeoutMs = TIMEOUT_MS } = options;
  try {
    return await send(`http://${at}${path}`, { ...options, timeoutMs });
  } catch (error) {
    throw error instanceof CommandError ? error : unreachable(at, error as NodeJS.ErrnoException, timeoutMs);
  }
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function send(url: string, { method, adminToken, timeoutMs }: AskOptions & { timeoutMs: number }): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const headers = adminToken === undefined ? {} : { authorization: `Bearer ${adminToken}` };
    // `fetch` would refuse some port numbers.
    const asked = request(url, { method: method ?? 'GET', headers, agent: false, signal }, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > MAX_ANSWER_BYTES) response.destroy(notATracker(new URL(url).host));
        chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

function unreachable(at: string, error: NodeJS.ErrnoException, timeoutMs: number): CommandError {
  const why =
    error.code === 'ECONNREFUSED'
      ? 'nothing listens there'
      : error.name === 'AbortError' || error.name === 'TimeoutError'
        ? `no answer within ${timeoutMs / 1_000} seconds`
        : error.message;
  return new CommandError(
    'UNREACHABLE',
    `no tracker answers at ${at}: ${why}; start one with \`swarmkeeper tracker\`, or name another with --tracker HOST:PORT`,
    { cause: error },
  );
}

function notATracker(at: string): CommandError {
  return new CommandError('NOT_A_TRACKER', `what answers at ${at} is no swarmkeeper of this version; check --tracker`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
