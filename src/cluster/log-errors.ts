// Why a proposal is in no log and will be in none, beside NotMasterError: nothing was sent to a disk.

/** The instance is stopping, or this client was closed. */
export class LogClosedError extends Error {
  override readonly name = 'LogClosedError';
  readonly code = 'LOG_CLOSED';
  constructor() {
    super('the log is closed; the change was not made');
  }
}

/** Too many proposals wait for the disk already. */
export class LogOverloadedError extends Error {
  override readonly name = 'LogOverloadedError';
  readonly code = 'LOG_OVERLOADED';
  constructor(waiting: number) {
    super(`${waiting} changes wait for the log already; the change was not made, try again later`);
  }
}

/** The log no longer, or not yet, has the entry that a subscriber needs next. */
export class LogGapError extends Error {
  override readonly name = 'LogGapError';
  readonly code = 'LOG_GAP';
}

/** What `LogGapError` says of a subscriber at `after` and a log of the entries `first` to `last`. */
export function gapReason(after: number, first: number, last: number): string {
  return (
    `the tables are at entry ${after}, the log has entries ${first} to ${last}: the files of the data folder do not belong ` +
    'together; restore them from one copy, or start again with an empty folder'
  );
}
