/** The core found its own state impossible. The host must stop the member: going on could lose acknowledged data. */
export class InvariantError extends Error {
  readonly code = 'CONSENSUS_INVARIANT';
  constructor(what: string) {
    super(`consensus invariant broken: ${what}; stop this instance and report it`);
    this.name = 'InvariantError';
  }
}

export function invariant(holds: boolean, what: string): asserts holds {
  if (!holds) throw new InvariantError(what);
}
