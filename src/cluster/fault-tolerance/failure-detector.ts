import type { Incarnation } from '../consensus/identity.ts';
import { Rhythm } from './rhythm.ts';

/**
 * Who is alive, from what was heard and when. Pure: the monotonic time comes with every input, in milliseconds.
 *
 * | input                                | then                                                                        |
 * |--------------------------------------|-----------------------------------------------------------------------------|
 * | `connected`                          | alive                                                                       |
 * | `heard` (a keepalive), `signed` (any other sign of life) | alive again, if it was suspected for its silence         |
 * | silence beyond its rhythm (`tick`)   | suspected: `silent`                                                          |
 * | `disconnected`                       | suspected at once: `closed` if its system closed the connection, else `cut`   |
 * | `died`                               | dead: proven                                                                |
 *
 * An instance whose own event loop stood still has not been listening: that time counts as nobody's silence.
 */
export class FailureDetector {
  readonly #watched = new Map<string, Watched>();
  readonly #tickMs: number;
  #now: number;

  /** @param tickMs how often `tick` is called */
  constructor({ now, tickMs }: { now: number; tickMs: number }) {
    this.#now = now;
    this.#tickMs = tickMs;
  }

  connected(member: Incarnation, now: number): readonly Verdict[] {
    this.#advance(now);
    const key = keyOf(member);
    let watched = this.#watched.get(key);
    if (watched === undefined) {
      if (this.#watched.size >= MAX_WATCHED) this.#forgetOne();
      watched = { member, rhythm: new Rhythm(), state: 'dead', connected: true, signAt: now, beatAt: null };
      this.#watched.set(key, watched);
    }
    watched.connected = true;
    watched.signAt = now;
    // What it did before it was connected is no part of the rhythm.
    watched.beatAt = null;
    return judge(watched, 'alive', 'connected', now);
  }

  /** A keepalive arrived. */
  heard(member: Incarnation, now: number): readonly Verdict[] {
    this.#advance(now);
    const watched = this.#watched.get(keyOf(member));
    if (watched === undefined || !watched.connected) return NOTHING;
    if (watched.beatAt !== null) watched.rhythm.arrived(now - watched.beatAt);
    watched.beatAt = now;
    watched.signAt = now;
    return judge(watched, 'alive', 'heard', now);
  }

  /** Something else arrived that only a living process sends. */
  signed(member: Incarnation, now: number): readonly Verdict[] {
    this.#advance(now);
    const watched = this.#watched.get(keyOf(member));
    if (watched === undefined || !watched.connected) return NOTHING;
    watched.signAt = now;
    return judge(watched, 'alive', 'heard', now);
  }

  /** @param byProcess the other system closed the connection, which it does by itself only when the process has ended */
  disconnected(member: Incarnation, byProcess: boolean, now: number): readonly Verdict[] {
    this.#advance(now);
    const watched = this.#watched.get(keyOf(member));
    if (watched === undefined || !watched.connected) return NOTHING;
    watched.connected = false;
    return judge(watched, 'suspected', byProcess ? 'closed' : 'cut', now);
  }

  died(member: Incarnation, now: number): readonly Verdict[] {
    this.#advance(now);
    const watched = this.#watched.get(keyOf(member));
    if (watched === undefined) return NOTHING;
    watched.connected = false;
    return judge(watched, 'dead', 'proven', now);
  }

  tick(now: number): readonly Verdict[] {
    this.#advance(now);
    const verdicts: Verdict[] = [];
    for (const [key, watched] of this.#watched) {
      const silentMs = now - watched.signAt;
      if (watched.state === 'alive' && silentMs > watched.rhythm.patienceMs) {
        // An outage is not part of the rhythm.
        watched.beatAt = null;
        verdicts.push(...judge(watched, 'suspected', 'silent', now));
      } else if (!watched.connected && silentMs > FORGET_MS) this.#watched.delete(key);
    }
    return verdicts;
  }

  get size(): number {
    return this.#watched.size;
  }

  /** Everyone known, the dead for a while too. */
  view(now: number): Life[] {
    return [...this.#watched.values()].map(({ member, state, signAt, rhythm }) => ({
      member,
      state,
      silentMs: Math.max(0, now - signAt),
      patienceMs: rhythm.patienceMs,
    }));
  }

  /** Takes the time in which this instance itself stood still out of everybody's silence. */
  #advance(now: number): void {
    const lostMs = now - this.#now - this.#tickMs;
    this.#now = Math.max(this.#now, now);
    if (lostMs < STALL_MS) return;
    for (const watched of this.#watched.values()) {
      watched.signAt += lostMs;
      // What waited to be read arrives in a bunch now.
      watched.beatAt = null;
    }
  }

  #forgetOne(): void {
    let longest: [string, Watched] | undefined;
    for (const entry of this.#watched) {
      if (!entry[1].connected && (longest === undefined || entry[1].signAt < longest[1].signAt)) longest = entry;
    }
    if (longest !== undefined) this.#watched.delete(longest[0]);
  }
}

export type MemberState = 'alive' | 'suspected' | 'dead';

/** A change of what is thought of a run of a member. */
export interface Verdict {
  readonly member: Incarnation;
  readonly state: MemberState;
  readonly because: 'connected' | 'heard' | 'silent' | 'closed' | 'cut' | 'proven';
  /** Since its last sign of life, as far as this instance was listening. */
  readonly silentMs: number;
}

export interface Life {
  readonly member: Incarnation;
  readonly state: MemberState;
  readonly silentMs: number;
  /** Beyond this silence it is suspected. */
  readonly patienceMs: number;
}

interface Watched {
  readonly member: Incarnation;
  readonly rhythm: Rhythm;
  state: MemberState;
  /** Never while dead. What arrives without a connection is nobody's sign of life. */
  connected: boolean;
  /** Later than the real time by what this instance itself has slept through since. */
  signAt: number;
  /** The keepalive from which the next gap is measured; null: the next one begins anew. */
  beatAt: number | null;
}

/** A call that comes so much later than the tick that was due says that this instance itself stood still. */
const STALL_MS = 25;
/** Those that are gone are remembered for so long. */
const FORGET_MS = 60_000;
/** Runs of members watched at a time; transports know no more than that many peers. */
export const MAX_WATCHED = 64;
const NOTHING: readonly Verdict[] = [];

function judge(watched: Watched, state: MemberState, because: Verdict['because'], now: number): readonly Verdict[] {
  if (watched.state === state) return NOTHING;
  watched.state = state;
  return [{ member: watched.member, state, because, silentMs: Math.max(0, now - watched.signAt) }];
}

function keyOf({ member, boot, nonce }: Incarnation): string {
  return `${member}/${boot}/${nonce}`;
}
