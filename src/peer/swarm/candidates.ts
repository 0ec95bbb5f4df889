import { formatEndpoint, type PeerEndpoint } from '../../bittorrent/magnet.ts';

/** Addresses of peers that are kept for one content. */
export const MAX_CANDIDATES = 2000;
export const MAX_BANNED_HOSTS = 1000;
/** After so many failures in a row an address is forgotten. */
export const MAX_FAILURES = 5;
/**
 * After the first failure; four times as long after each further one. The first is short: some peers hang up on who comes back
 * before they noticed that the last connection ended.
 */
export const RETRY_MS = 1_000;
/** After a conversation that was of use. */
export const AFTER_USE_MS = 15_000;

interface Candidate {
  readonly endpoint: PeerEndpoint;
  failures: number;
  nextTryMs: number;
  /** Connecting or connected. */
  busy: boolean;
}

/** Where peers of one content may be, and whom to try next. */
export class Candidates {
  /** The longest untried first. */
  readonly #byName = new Map<string, Candidate>();
  readonly #banned = new Set<string>();

  get size(): number {
    return this.#byName.size;
  }

  /** All of them, the longest untried first. */
  get endpoints(): PeerEndpoint[] {
    return [...this.#byName.values()].map(({ endpoint }) => endpoint);
  }

  /** @returns whether it is new and was taken */
  add(endpoint: PeerEndpoint): boolean {
    const name = formatEndpoint(endpoint);
    if (this.#byName.has(name) || this.#byName.size >= MAX_CANDIDATES || this.#banned.has(endpoint.host)) return false;
    this.#byName.set(name, { endpoint, failures: 0, nextTryMs: 0, busy: false });
    return true;
  }

  /** Somebody to connect to, who is busy from now on; undefined when there is nobody at this time that `suits`. */
  next(nowMs: number, suits: (endpoint: PeerEndpoint) => boolean = () => true): PeerEndpoint | undefined {
    for (const [name, candidate] of this.#byName) {
      if (candidate.busy || candidate.nextTryMs > nowMs || !suits(candidate.endpoint)) continue;
      candidate.busy = true;
      // To the end: next time others are first.
      this.#byName.delete(name);
      this.#byName.set(name, candidate);
      return candidate.endpoint;
    }
    return undefined;
  }

  /** It could not be reached, or the conversation ended; `useful`: it had been a conversation. */
  ended(nowMs: number, endpoint: PeerEndpoint, useful: boolean): void {
    const name = formatEndpoint(endpoint);
    const candidate = this.#byName.get(name);
    if (!candidate) return;
    candidate.busy = false;
    candidate.failures = useful ? 0 : candidate.failures + 1;
    candidate.nextTryMs = nowMs + (useful ? AFTER_USE_MS : RETRY_MS * 4 ** (candidate.failures - 1));
    if (candidate.failures >= MAX_FAILURES) this.#byName.delete(name);
  }

  /** Whoever was tried before may be tried at once. */
  retryAll(): void {
    for (const candidate of this.#byName.values()) candidate.nextTryMs = 0;
  }

  /** It is of no use: this peer itself, or one that has nothing we want and wants nothing. */
  forget(endpoint: PeerEndpoint): void {
    this.#byName.delete(formatEndpoint(endpoint));
  }

  /** Nobody at this host is talked to any more. */
  ban(host: string): void {
    if (this.#banned.size >= MAX_BANNED_HOSTS) this.#banned.delete(this.#banned.keys().next().value as string);
    this.#banned.add(host);
    for (const [name, { endpoint }] of this.#byName) if (endpoint.host === host) this.#byName.delete(name);
  }

  isBanned(host: string): boolean {
    return this.#banned.has(host);
  }
}
