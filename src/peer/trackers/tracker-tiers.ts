/**
 * The order in which the trackers of a content are asked (BEP 12): tier by tier, each shuffled once; one that answers moves to
 * the front of its tier.
 */
export class TrackerTiers<Tracker> {
  readonly #tiers: Tracker[][];

  /** @param random from 0 to below 1 */
  constructor(tiers: readonly (readonly Tracker[])[], random: () => number) {
    this.#tiers = tiers.map((tier) => shuffled(tier, random));
  }

  /** All of them, as of now. */
  inOrder(): Tracker[] {
    return this.#tiers.flat();
  }

  answered(tracker: Tracker): void {
    const tier = this.#tiers.find((each) => each.includes(tracker));
    if (!tier) return;
    tier.splice(tier.indexOf(tracker), 1);
    tier.unshift(tracker);
  }
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j], result[i]];
  }
  return result;
}
