import {
  type MemberTransport,
  type Peer,
  suspectsProcess,
  type TransportListener,
} from '../transport/member-transport.ts';
import { MalformedError } from '../transport/wire.ts';
import { FailureDetector, type MemberState, type Verdict } from './failure-detector.ts';
import { decodeKeepalive, encodeKeepalive, type Keepalive } from './keepalive.ts';
import { EXPECTED_BEAT_MS } from './rhythm.ts';

export interface FaultToleranceOptions {
  readonly transport: MemberTransport;
  /** What this instance says of itself now; asked for every keepalive, so it must be cheap. */
  readonly describe: () => Keepalive;
  readonly onVerdict: (verdict: Verdict) => void;
}

/** An instance as `status` shows it. */
export interface MemberView {
  readonly peer: Peer;
  readonly state: MemberState;
  /** Since its last sign of life. */
  readonly silentMs: number;
  /** It said goodbye. */
  readonly left: boolean;
  /** What it last said of itself; null: nothing yet. */
  readonly keepalive: Keepalive | null;
}

/**
 * The Cluster Fault Tolerance System: sends this instance's keepalives, hears the others', and says who is alive.
 *
 * It sees what the transport reports before its owner does:
 * ```ts
 * const faultTolerance = new FaultTolerance({ transport, describe, onVerdict });
 * transport.start(faultTolerance.listening(listener));
 * ```
 * Belongs on a thread that never waits for a disk.
 */
export class FaultTolerance {
  readonly #transport: MemberTransport;
  readonly #describe: () => Keepalive;
  readonly #onVerdict: (verdict: Verdict) => void;
  readonly #detector: FailureDetector;
  /** Those that the detector knows, by object. */
  readonly #keepalives = new Map<Peer, Keepalive | null>();
  readonly #left = new WeakSet<Peer>();
  readonly #ticker: NodeJS.Timeout;
  #keepaliveAt: number;

  constructor({ transport, describe, onVerdict }: FaultToleranceOptions) {
    this.#transport = transport;
    this.#describe = describe;
    this.#onVerdict = onVerdict;
    const now = performance.now();
    this.#detector = new FailureDetector({ now, tickMs: TICK_MS });
    this.#keepaliveAt = now;
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Passes everything on; verdicts come before the event that they follow from. Keepalives are not passed on. */
  listening(listener: Omit<TransportListener, 'datagram'>): TransportListener {
    return {
      connected: (peer) => {
        this.#keepalives.set(peer, null);
        this.#left.delete(peer);
        this.#say(this.#detector.connected(peer.incarnation, performance.now()));
        listener.connected(peer);
        // So that it need not wait to learn who this is.
        this.#send();
      },
      disconnected: (peer, reason) => {
        this.#say(this.#detector.disconnected(peer.incarnation, suspectsProcess(reason), performance.now()));
        listener.disconnected(peer, reason);
      },
      died: (peer, proof) => {
        if (proof === 'stopped') this.#left.add(peer);
        this.#say(this.#detector.died(peer.incarnation, performance.now()));
        listener.died(peer, proof);
      },
      message: (from, kind, body) => {
        this.#say(this.#detector.signed(from.incarnation, performance.now()));
        listener.message(from, kind, body);
      },
      pulse: (from) => {
        this.#say(this.#detector.signed(from.incarnation, performance.now()));
        listener.pulse(from);
      },
      datagram: (from, body) => this.#hear(from, body),
      drained: (peer) => listener.drained(peer),
      foreign: (cluster, host) => listener.foreign(cluster, host),
    };
  }

  /** Every instance heard of in the last minute, this one not among them. */
  view(): MemberView[] {
    const lives = new Map(this.#detector.view(performance.now()).map((life) => [life.member, life]));
    const views: MemberView[] = [];
    for (const [peer, keepalive] of this.#keepalives) {
      const life = lives.get(peer.incarnation);
      if (life === undefined) continue;
      views.push({ peer, state: life.state, silentMs: life.silentMs, left: this.#left.has(peer), keepalive });
    }
    return views;
  }

  /** Falls silent. The transport stays its owner's. */
  close(): void {
    clearInterval(this.#ticker);
  }

  #hear(from: Peer, body: Uint8Array): void {
    const now = performance.now();
    try {
      this.#keepalives.set(from, decodeKeepalive(body));
      this.#say(this.#detector.heard(from.incarnation, now));
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      // Of another version, perhaps: it lives all the same.
      this.#say(this.#detector.signed(from.incarnation, now));
    }
  }

  #tick(): void {
    const now = performance.now();
    this.#say(this.#detector.tick(now));
    if (now < this.#keepaliveAt) return;
    this.#send();
    // In step with the clock, not with the delays; after a pause no beats are made up for.
    this.#keepaliveAt = Math.max(this.#keepaliveAt + EXPECTED_BEAT_MS, now + EXPECTED_BEAT_MS / 2);
    this.#forget();
  }

  #send(): void {
    this.#transport.broadcast(encodeKeepalive(this.#describe()));
  }

  #say(verdicts: readonly Verdict[]): void {
    for (const verdict of verdicts) this.#onVerdict(verdict);
  }

  #forget(): void {
    if (this.#keepalives.size <= this.#detector.size) return;
    const watched = new Set(this.#detector.view(performance.now()).map(({ member }) => member));
    for (const peer of this.#keepalives.keys()) if (!watched.has(peer.incarnation)) this.#keepalives.delete(peer);
  }
}

/** How often silence is judged; a keepalive leaves every fourth time. */
const TICK_MS = 25;
