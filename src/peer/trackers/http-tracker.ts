import {
  announceUrl,
  HttpTrackerError,
  MAX_TRACKER_REPLY_BYTES,
  parseAnnounceReply,
} from '../../bittorrent/http-tracker-client.ts';
import type { AnnounceAnswer, AnnounceFields } from './announcement.ts';
import { type GetOptions, httpGet } from './http-get.ts';
import { TrackerError } from './tracker-error.ts';

/** The shortest stay away that a tracker may ask for (BEP 31), so that a wrong one is not asked without end. */
const LEAST_RETRY_SECONDS = 1;

/** One HTTP tracker (BEP 3, 7, 23, 24, 31) of one content, at one address. */
export class HttpTracker {
  readonly #url: string;
  readonly #at: GetOptions['at'];
  readonly #options: Pick<GetOptions, 'ca' | 'timeoutMs'>;
  /** What the tracker wants to hear again. */
  #trackerId: Uint8Array | undefined;

  /** @param at where its host is */
  constructor(url: string, at: GetOptions['at'], options: Pick<GetOptions, 'ca' | 'timeoutMs'>) {
    this.#url = url;
    this.#at = at;
    this.#options = options;
  }

  /** @throws {TrackerError} */
  async announce(fields: AnnounceFields, signal: AbortSignal): Promise<AnnounceAnswer> {
    const url = announceUrl(this.#url, {
      ...fields,
      ...(this.#trackerId === undefined ? {} : { trackerId: this.#trackerId }),
    });
    const { status, body } = await httpGet(url, {
      ...this.#options,
      signal,
      at: this.#at,
      maxBytes: MAX_TRACKER_REPLY_BYTES,
    });
    try {
      const { trackerId, ...answer } = parseAnnounceReply(body);
      if (trackerId !== undefined) this.#trackerId = trackerId;
      return answer;
    } catch (error) {
      throw asTrackerError(error, status);
    }
  }
}

function asTrackerError(error: unknown, status: number): unknown {
  if (!(error instanceof HttpTrackerError)) return error;
  const { code, message, retryAfterSeconds } = error;
  if (code !== 'REFUSED') {
    const why = status === 200 ? message : `the tracker answered with HTTP status ${status}`;
    return new TrackerError('MALFORMED_REPLY', why, { cause: error });
  }
  if (retryAfterSeconds === undefined) return new TrackerError('REFUSED', message, { cause: error });
  const seconds = retryAfterSeconds === 'never' ? Number.POSITIVE_INFINITY : retryAfterSeconds;
  const retryAfterMs = Math.max(LEAST_RETRY_SECONDS, seconds) * 1_000;
  return new TrackerError('REFUSED', message, { cause: error, retryAfterMs });
}
