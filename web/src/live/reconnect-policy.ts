// Where to connect next when a stream of events broke: pure, so that it can be tested.

/** First tries come quickly: an instance that restarts is back within a second, another member answers at once. */
const FIRST_DELAY_MS = 300;
/** Between two tries, at most. */
const MAX_DELAY_MS = 5_000;

export interface ConnectionAttempt {
  /** '' is where the page came from. */
  readonly origin: string;
  readonly delayMs: number;
}

/**
 * Twice the one that was lost, then each of the others, and round again with longer and longer waits.
 * @param failures tries that failed since the last event, 0 right after the break
 * @param lost the origin that was connected last
 * @param others the other members that are known
 * @param random from 0 to 1, so that many pages do not come all at once
 */
export function nextAttempt(
  failures: number,
  lost: string,
  others: readonly string[],
  random: number = Math.random(),
): ConnectionAttempt {
  const round = [lost, lost, ...others.filter((origin) => origin !== lost)];
  const rounds = Math.floor(failures / round.length);
  const delayMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(rounds, 10));
  return { origin: round[failures % round.length], delayMs: delayMs * (0.75 + random / 2) };
}
