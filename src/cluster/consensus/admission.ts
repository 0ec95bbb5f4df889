import type { Incarnation, MemberId } from './identity.ts';
import type { Envelope, Hello, Refused, Welcome } from './messages.ts';
import { majority } from './quorum.ts';
import type { State } from './state.ts';

interface Known {
  boot: number;
  nonce: number;
  heardAt: number;
  /** Its process was reported dead. */
  dead: boolean;
}

/**
 * One process per identity (rule 6).
 *
 * A data folder that was copied gives two processes with one identity, which could vote twice. Everyone therefore
 * listens to one incarnation of a member only: the one heard first, until it is dead or silent and one with a higher
 * boot count appears. And a member that starts again says `hello` and takes part in nothing until the others have
 * said `welcome`; who is refused instead, stays silent and after a while stops.
 *
 * What messages cannot prove: a copy that is started while its original is cut off, or paused for longer than
 * livenessMs, cannot be told from a restart. The host should also refuse a data folder that has moved.
 */
export class Admission {
  protected readonly state: State;
  /** The incarnation that is listened to, of every member ever heard in this run. Bounded by `forgetStrangers`. */
  private readonly known = new Map<MemberId, Known>();
  /** Members whose process was reported dead before anything was heard of it. */
  private readonly absent = new Set<MemberId>();
  /** Who welcomed this incarnation and has not refused it since. */
  private readonly welcomedBy = new Set<MemberId>();
  /** Who refuses this incarnation, and when it last said so; this member itself for a double's keepalive. */
  private readonly refusedBy = new Map<MemberId, number>();
  private masterWelcomed = false;
  /** Since when at least one member refuses this incarnation. */
  private refusedSince: number | null = null;
  /** This incarnation took part before it was refused. */
  private established: boolean;
  /** Nothing but hellos is said or heard. */
  muted: boolean;
  private askAt: number;

  constructor(state: State) {
    this.state = state;
    // The first run of a new identity has no double.
    this.muted = state.self.boot > 1;
    this.established = !this.muted;
    this.askAt = state.now;
  }

  /** Is the message from the process that its sender's identity stands for? If not, the sender is told. */
  accepts({ from, boot, nonce }: Envelope): boolean {
    if (this.hear({ member: from, boot, nonce }, true)) return true;
    this.state.send(from, { type: 'refused', term: this.state.term, refusedBoot: boot, refusedNonce: nonce });
    return false;
  }

  /** A keepalive: it keeps an incarnation alive, but never lets one in. One of this member's own name is its double's. */
  keepalive(incarnation: Incarnation): void {
    const { member, boot, nonce } = this.state.self;
    if (incarnation.member !== member) this.hear(incarnation, false);
    else if (this.muted && (incarnation.boot !== boot || incarnation.nonce !== nonce)) {
      this.refusedByMember(member);
    }
  }

  /** @returns whether that incarnation's death is news about the one listened to. */
  died(member: MemberId, boot: number): boolean {
    const known = this.known.get(member);
    if (known === undefined) this.absent.add(member);
    else if (known.boot === boot) known.dead = true;
    this.reconsider();
    return known === undefined || known.boot === boot;
  }

  tick(): void {
    const { state } = this;
    if (!this.muted || state.now < this.askAt) return;
    this.askAt = state.now + state.timing.askMs;
    for (const id of state.acquaintances) state.send(id, { type: 'hello', term: state.term });
    // Hellos are refused again and again. Who stopped doing so is gone, or the double whose keepalives came is.
    for (const [id, at] of this.refusedBy) if (state.now > at + state.timing.livenessMs) this.notRefusedBy(id);
    this.reconsider();
  }

  /** Refused for so long that the other process must be alive. */
  get hopeless(): boolean {
    const { duplicateStopMs, establishedStopMs } = this.state.timing;
    const patienceMs = this.established ? establishedStopMs : duplicateStopMs;
    return this.refusedSince !== null && this.state.now > this.refusedSince + patienceMs;
  }

  /** @param byMaster this member is a master under its lease. */
  onHello({ from, boot, nonce }: Hello, byMaster: boolean): void {
    const { term } = this.state;
    this.state.send(from, { type: 'welcome', term, welcomedBoot: boot, welcomedNonce: nonce, byMaster });
  }

  onWelcome(message: Welcome): void {
    const { self } = this.state;
    if (message.welcomedBoot !== self.boot || message.welcomedNonce !== self.nonce) return;
    this.welcomedBy.add(message.from);
    if (message.byMaster) this.masterWelcomed = true;
    this.notRefusedBy(message.from);
    this.reconsider();
  }

  onRefused(message: Refused): void {
    const { self } = this.state;
    if (message.refusedBoot !== self.boot || message.refusedNonce !== self.nonce) return;
    // A newcomer heeds everyone. One that takes part is not silenced by learners, who never count.
    if (this.established && this.state.membership.current.learners.includes(message.from)) return;
    this.refusedByMember(message.from);
    this.masterWelcomed = false;
    this.muted = true;
  }

  /** Drops what is known of instances that are no members; called now and then, so that strangers cannot fill the map. */
  forgetStrangers(members: readonly MemberId[]): void {
    const bound = this.state.limits.voters + 2 * this.state.limits.learners;
    if (this.known.size + this.absent.size <= bound) return;
    for (const id of this.known.keys()) if (!members.includes(id)) this.known.delete(id);
    for (const id of this.absent) if (!members.includes(id)) this.absent.delete(id);
  }

  /** May the incarnation with that boot count be listened to in place of the one known? */
  protected mayReplace(known: Known, boot: number): boolean {
    const { livenessMs, duplicateStopMs } = this.state.timing;
    const silentMs = this.state.now - known.heardAt;
    // The one with the higher boot count was let in wrongly and has given up: the older run may come back.
    if (boot <= known.boot) return silentMs > duplicateStopMs;
    return known.dead || silentMs > livenessMs;
  }

  private refusedByMember(member: MemberId): void {
    this.refusedBy.set(member, this.state.now);
    this.welcomedBy.delete(member);
    this.refusedSince ??= this.state.now;
  }

  private notRefusedBy(member: MemberId): void {
    this.refusedBy.delete(member);
    if (this.refusedBy.size === 0) this.refusedSince = null;
  }

  private hear({ member, boot, nonce }: Incarnation, admits: boolean): boolean {
    const known = this.known.get(member);
    if (known !== undefined && (known.boot !== boot || known.nonce !== nonce)) {
      if (!admits || !this.mayReplace(known, boot)) return false;
    }
    if (known === undefined || known.boot !== boot || known.nonce !== nonce) {
      this.known.set(member, { boot, nonce, heardAt: this.state.now, dead: false });
      this.absent.delete(member);
    } else {
      known.heardAt = this.state.now;
      known.dead = false;
    }
    return true;
  }

  /** Ends the silence when everyone reachable has welcomed this incarnation, or a quorum has and the others had time to object. */
  private reconsider(): void {
    if (!this.muted || this.refusedBy.size > 0) return;
    const { state } = this;
    const voters = state.membership.counted();
    const others = voters.filter((id) => id !== state.self.member);
    const welcomes = others.filter((id) => this.welcomedBy.has(id)).length + (voters.length > others.length ? 1 : 0);
    const unheard = others.filter(
      (id) => !this.welcomedBy.has(id) && !this.absent.has(id) && !this.known.get(id)?.dead,
    );
    // The only voter has nobody to ask, but several keepalives of its double would have come in this time.
    const waitMs = others.length > 0 ? state.timing.helloWaitMs : state.timing.livenessMs;
    const waited = state.now >= state.startedAt + waitMs;
    const complete = unheard.length === 0 && others.length > 0;
    // By its own membership a member that was away for long may never reach a quorum; that nobody objects must do, in time.
    const unopposed = this.welcomedBy.size > 0 && state.now >= state.startedAt + state.timing.duplicateStopMs;
    const enough = welcomes >= majority(voters.length) || this.masterWelcomed || unopposed;
    if (voters.length === 0 || (enough && (complete || waited))) {
      this.muted = false;
      this.established = voters.length > 0;
    }
  }
}
