import type { Scenario } from './faults.ts';
import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';

/** Delivers between slots, or does not: loses, delays, doubles, reorders; cut links carry nothing. */
export class Network {
  private readonly timeline: Timeline;
  private readonly random: Random;
  private readonly settings: Scenario['network'];
  /** Directed links that are cut, as from * SLOTS + to. */
  private readonly cut = new Set<number>();
  /** In ordered networks: when the last message of a link arrives. */
  private readonly arrival = new Map<number, number>();
  /** Healed: no more loss, duplicates or strays. */
  private calm = false;

  constructor(timeline: Timeline, random: Random, settings: Scenario['network']) {
    this.timeline = timeline;
    this.random = random;
    this.settings = settings;
  }

  deliver(from: number, to: number, run: () => void): void {
    const { random, settings, calm } = this;
    const link = from * SLOTS + to;
    if (this.cut.has(link)) return;
    if (settings.ordered) {
      const at = Math.max(this.timeline.now + random.exponential(settings.delayMs), this.arrival.get(link) ?? 0);
      this.arrival.set(link, at);
      this.arrive(link, at - this.timeline.now, run);
      return;
    }
    if (!calm && random.chance(settings.loss)) return;
    const copies = !calm && random.chance(settings.duplicates) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const stray = !calm && random.chance(settings.strays);
      this.arrive(link, stray ? random.between(0, settings.strayMs) : random.exponential(settings.delayMs), run);
    }
  }

  cutLink(from: number, to: number): void {
    this.cut.add(from * SLOTS + to);
  }

  isCut(from: number, to: number): boolean {
    return this.cut.has(from * SLOTS + to);
  }

  /** All links work again. */
  mend(): void {
    this.cut.clear();
  }

  becalm(): void {
    this.mend();
    this.calm = true;
  }

  private arrive(link: number, delay: number, run: () => void): void {
    this.timeline.after(delay, () => {
      if (!this.cut.has(link)) run();
    });
  }
}

/** More than a cluster ever has. */
const SLOTS = 64;
