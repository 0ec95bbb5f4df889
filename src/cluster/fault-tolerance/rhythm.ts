/**
 * The rhythm in which one member's keepalives arrive, and how long a silence it explains.
 *
 * A network loses some keepalives and delays others; how many and by how much is different for every pair of machines, and
 * changes. So nobody counts to three: from the arrivals three things are learned, each an exponentially weighted mean,
 * - the beat: milliseconds from one keepalive to the next,
 * - the jitter: how far arrivals stray from the beat,
 * - the loss: the part of the beats that brought nothing.
 * If a part p is lost, k are lost in a row with probability p^k. As many are forgiven as make one false alarm in
 * 1 / FALSE_ALARM keepalives. On a sound network that is the least, two, and a stopped process is suspected after about
 * 300 ms; at 10 % loss it is six.
 */
export class Rhythm {
  #beatMs = EXPECTED_BEAT_MS;
  #jitterMs = 0;
  /** Of the last few keepalives: knows at once when a network becomes bad. */
  #lossLately = 0;
  /** Of the last few hundred: remembers that it is bad when luck has it that none was lost for a while. */
  #loss = CAUTION_LOSS;
  #beats = 0;

  /** @param gapMs since the arrival before */
  arrived(gapMs: number): void {
    // Delayed ones come in a bunch; they say nothing of the beat.
    if (gapMs < this.#beatMs / 4) return;
    const beats = Math.max(1, Math.round(gapMs / this.#beatMs));
    const strayMs = Math.abs(gapMs - beats * this.#beatMs);
    this.#jitterMs += (strayMs - this.#jitterMs) * SHORT_MEMORY;
    this.#beatMs = clamp(
      this.#beatMs + (gapMs / beats - this.#beatMs) * SHORT_MEMORY,
      EXPECTED_BEAT_MS / 2,
      EXPECTED_BEAT_MS * 2,
    );
    for (let missed = 1; missed < Math.min(beats, MOST_MISSED); missed++) this.#learn(1);
    this.#learn(0);
  }

  /** A silence longer than this is not explained by the rhythm so far. */
  get patienceMs(): number {
    const loss = clamp(Math.max(this.#loss, this.#lossLately), LEAST_LOSS, MOST_LOSS);
    const forgiven = Math.max(LEAST_FORGIVEN, Math.ceil(Math.log(FALSE_ALARM) / Math.log(loss)) - 1);
    const strayMs = Math.max(LEAST_STRAY_MS, JITTERS * this.#jitterMs);
    return Math.min((forgiven + 1) * this.#beatMs + strayMs, MOST_PATIENCE_MS);
  }

  #learn(missed: 0 | 1): void {
    this.#beats++;
    // The first ones count as in a plain mean, on top of the caution.
    const weight = Math.max(LONG_MEMORY, 1 / (this.#beats + CAUTION_BEATS));
    this.#loss += (missed - this.#loss) * weight;
    this.#lossLately += (missed - this.#lossLately) * SHORT_MEMORY;
  }
}

/** How often members send keepalives. */
export const EXPECTED_BEAT_MS = 100;
/** No member is given longer, however bad its network. */
export const MOST_PATIENCE_MS = 1_000;
/** Wanted: false alarms per keepalive, at a constant loss. */
const FALSE_ALARM = 1e-7;
const LEAST_FORGIVEN = 2;
const LEAST_LOSS = 0.001;
const MOST_LOSS = 0.5;
/** What is assumed of a member that was just met, and for how many keepalives' worth. */
const CAUTION_LOSS = 0.02;
const CAUTION_BEATS = 5;
/** Of one silence; a longer one was no loss but an outage, and says nothing of the rest. */
const MOST_MISSED = 8;
const SHORT_MEMORY = 1 / 16;
const LONG_MEMORY = 1 / 256;
/** Arrivals hardly ever stray by more than so many times the mean. */
const JITTERS = 4;
/** A busy processor alone makes them stray so far. */
const LEAST_STRAY_MS = 20;

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
