export type TrackerErrorCode =
  /** It did not answer in time, however often it was asked. */
  | 'NO_ANSWER'
  /** It answered that it will not. */
  | 'REFUSED'
  /** Nothing can be sent there, nothing listens there, or its name is unknown. */
  | 'UNREACHABLE'
  /** What answered is no tracker. */
  | 'MALFORMED_REPLY'
  /** Its address is none that can be asked. */
  | 'INVALID_URL'
  /** All trackers of a content were tried, and none answered. */
  | 'NO_TRACKER'
  /** A private content is announced to its own trackers only (BEP 27). */
  | 'PRIVATE'
  /** Several contents, or none, go by a name. */
  | 'AMBIGUOUS_NAME'
  | 'NO_SUCH_CONTENT'
  /** No address of this machine can be asked from. */
  | 'BAD_INTERFACE'
  /** The caller stopped, or closed what was asked. */
  | 'STOPPED';

/** A tracker could not be asked, or gave no answer that is of use. */
export class TrackerError extends Error {
  override readonly name = 'TrackerError';
  readonly code: TrackerErrorCode;
  /** When the tracker is to be asked again, where it says so (BEP 31); Infinity: never. */
  readonly retryAfterMs: number | undefined;

  constructor(code: TrackerErrorCode, message: string, options: ErrorOptions & { retryAfterMs?: number } = {}) {
    super(message, options);
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The reason of a signal that was raised, as an error of this module. */
export function stopped(signal: AbortSignal): TrackerError {
  const { reason } = signal;
  return reason instanceof TrackerError ? reason : new TrackerError('STOPPED', 'asking was called off');
}
