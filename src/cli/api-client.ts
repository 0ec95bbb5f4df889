import { get } from 'node:http';
import type { z } from 'zod';
import { authority } from '../api/client-address.ts';
import { ErrorSchema } from '../api/schemas.ts';
import { CommandError } from './command-error.ts';
import type { TrackerAddress } from './option-values.ts';

const TIMEOUT_MS = 10_000;
/** Longest answer that is read, bytes; a full page of contents is a tenth of it. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/**
 * Asks an instance's API.
 * @throws CommandError UNREACHABLE; NOT_A_TRACKER where the answer is not of this API; the API's own code and message
 */
export async function askApi<Schema extends z.ZodType>(
  address: TrackerAddress,
  path: string,
  schema: Schema,
): Promise<z.output<Schema>> {
  const at = authority(address.host, address.port);
  const { status, body } = await request(`http://${at}${path}`).catch((error: NodeJS.ErrnoException) => {
    throw error instanceof CommandError ? error : unreachable(at, error);
  });
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

function request(url: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    // `fetch` would refuse some port numbers.
    const asked = get(url, { agent: false, signal: AbortSignal.timeout(TIMEOUT_MS) }, (response) => {
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
  });
}

function unreachable(at: string, error: NodeJS.ErrnoException): CommandError {
  const why =
    error.code === 'ECONNREFUSED'
      ? 'nothing listens there'
      : error.name === 'AbortError' || error.name === 'TimeoutError'
        ? `no answer within ${TIMEOUT_MS / 1_000} seconds`
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
