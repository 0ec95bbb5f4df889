import type { ReplicatedLog } from '../../cluster/replicated-log.ts';
import type { HttpFrontEnd, HttpRequests, RespondHttp } from '../front-ends/http-front-end.ts';
import { STATUS_REFUSED } from './forward-messages.ts';
import type { ToMaster } from './to-master.ts';

/**
 * Requests by HTTP at any instance: the master answers itself, a slave forwards to it. While there is no master they are held
 * for a moment: an election is short, and a client that is refused may not come again before the interval is over, without
 * the event that it had to tell.
 */
export class ForwardedHttp implements HttpRequests {
  readonly #log: ReplicatedLog;
  readonly #frontEnd: HttpFrontEnd;
  readonly #toMaster: ToMaster;
  #held: Request[] = [];
  #turns: NodeJS.Timeout | undefined;

  constructor(log: ReplicatedLog, frontEnd: HttpFrontEnd, toMaster: ToMaster) {
    this.#log = log;
    this.#frontEnd = frontEnd;
    this.#toMaster = toMaster;
  }

  announce(query: string, ip: Uint8Array, respond: RespondHttp): void {
    if (this.#log.mayAnswer()) this.#frontEnd.announce(query, ip, respond);
    else this.#serve({ path: '/announce', query, ip: ip.slice(), respond, until: performance.now() + HOLD_MS });
  }

  scrape(query: string, ip: Uint8Array, respond: RespondHttp): void {
    if (this.#log.mayAnswer()) this.#frontEnd.scrape(query, ip, respond);
    else this.#serve({ path: '/scrape', query, ip: ip.slice(), respond, until: performance.now() + HOLD_MS });
  }

  #serve(request: Request): void {
    const { path, query, ip, respond } = request;
    if (this.#log.mayAnswer()) {
      this.#frontEnd[path === '/announce' ? 'announce' : 'scrape'](query, ip, respond);
    } else if (this.#toMaster.isKnown) {
      this.#toMaster.ask({ type: 'http', path, query, ip: [...ip] }).then(
        ({ status, body }) => {
          if (status === STATUS_REFUSED) this.#hold(request);
          else respond(status === 200 ? 200 : 503, body);
        },
        // The master has gone. Announces may be repeated: doing one twice does what doing it once does.
        () => this.#hold(request),
      );
    } else {
      this.#hold(request);
    }
  }

  #hold(request: Request): void {
    if (performance.now() >= request.until || this.#held.length === MOST_HELD) {
      this.#frontEnd.refuse(request.respond);
      return;
    }
    this.#held.push(request);
    this.#turns ??= setInterval(() => this.#turn(), TURN_MS).unref();
  }

  /** Serves what is held, as far as there is somebody now who answers; the rest is held again, or refused. */
  #turn(): void {
    const held = this.#held;
    this.#held = [];
    for (const request of held) this.#serve(request);
    if (this.#held.length > 0) return;
    clearInterval(this.#turns);
    this.#turns = undefined;
  }
}

interface Request {
  readonly path: '/announce' | '/scrape';
  readonly query: string;
  readonly ip: Uint8Array;
  readonly respond: RespondHttp;
  /** By `performance.now`; it is not held any longer. */
  readonly until: number;
}

/** Far longer than an election, and far shorter than clients wait. */
const HOLD_MS = 2_000;
/** How often somebody to answer is looked for. */
const TURN_MS = 20;
/** Requests held at one time, each with its connection. */
const MOST_HELD = 4_096;
