import { COUNTER, type Counters } from './counters.ts';
import type { LogGroups } from './log-group.ts';
import { FLAG_IPV6 } from './operations.ts';
import type { PeerStore } from './swarms/peer-store.ts';
import { RECORD_BYTES } from './swarms/swarm-record.ts';
import type { SwarmTable } from './swarms/swarm-table.ts';

/**
 * Finds peers that were not heard of for two intervals, and swarms that were empty for a day, and proposes that they
 * go. Only the master does; replicas apply what it decided. It walks through the swarms a part at a time, so that it
 * has seen all of them at least once in a quarter of the interval.
 */
export class Expiry {
  readonly #table: SwarmTable;
  readonly #groups: LogGroups;
  readonly #counters: Counters;
  readonly #lifetimeSeconds: number;
  /** Turns in which all swarms are visited. */
  readonly #turns: number;
  #next = 0;
  /** When the peer of the visited swarm that was silent longest was last seen. */
  #oldest = 0;

  constructor(table: SwarmTable, groups: LogGroups, counters: Counters, intervalSeconds: number) {
    this.#table = table;
    this.#groups = groups;
    this.#counters = counters;
    this.#lifetimeSeconds = 2 * intervalSeconds;
    this.#turns = Math.max(1, Math.floor((intervalSeconds * 1000) / 4 / EXPIRY_TURN_MS));
  }

  /**
   * Visits the next part of the swarms; to be called every EXPIRY_TURN_MS.
   * @param now cluster time, seconds
   */
  turn(now: number): void {
    const { swarms } = this.#table;
    const visits = Math.ceil(swarms.limit / this.#turns);
    for (let visit = 0; visit < visits; visit++) {
      if (this.#next >= swarms.limit) this.#next = 0;
      // A swarm whose expiries found no room in the batch is visited again in the next turn.
      if (!this.#visit(this.#next, now)) break;
      this.#next++;
    }
    this.#groups.send();
  }

  #visit(swarm: number, now: number): boolean {
    const table = this.#table;
    if (!table.swarms.has(swarm)) return true;
    if (table.isEmpty(swarm)) {
      if (now - table.emptySince(swarm) < FORGET_AFTER_SECONDS) return true;
      if (!this.#groups.hasRoom) return false;
      this.#groups.writer.forget(table.swarms.bytes, swarm * RECORD_BYTES);
      return true;
    }
    const cutoff = now - this.#lifetimeSeconds - 1;
    if (table.oldestOf(swarm) > cutoff) return true;
    this.#oldest = now;
    const done = this.#expire(swarm, table.peers4, 0, cutoff) && this.#expire(swarm, table.peers6, FLAG_IPV6, cutoff);
    if (done) table.setOldest(swarm, this.#oldest);
    return done;
  }

  /** Proposes that the peers go that were not seen after `cutoff`; false when the batch has no room for all of them. */
  #expire(swarm: number, store: PeerStore, flags: number, cutoff: number): boolean {
    const start = store.startOf(swarm);
    const end = start + store.countOf(swarm);
    for (let position = start; position < end; position++) {
      const seen = store.seen[position];
      if (seen < this.#oldest) this.#oldest = seen;
      if (seen > cutoff) continue;
      if (!this.#groups.hasRoom) return false;
      const address = position * store.stride * 2;
      this.#groups.writer.expire(flags, this.#table.swarms.bytes, swarm * RECORD_BYTES, store.bytes, address, cutoff);
      this.#counters[COUNTER.peersExpired]++;
    }
    return true;
  }
}

/** How often `turn` is to be called, milliseconds. */
export const EXPIRY_TURN_MS = 250;

/** Seconds after which a content without peers is forgotten, with its name and its count of downloads. */
export const FORGET_AFTER_SECONDS = 24 * 3600;
