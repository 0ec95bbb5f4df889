import type { ReplicatedLog } from '../../cluster/replicated-log.ts';
import type { HttpFrontEnd, HttpRequests, RespondHttp } from '../front-ends/http-front-end.ts';
import type { ToMaster } from './to-master.ts';

/** Requests by HTTP at any instance: the master answers itself, a slave forwards to it. */
export class ForwardedHttp implements HttpRequests {
  readonly #log: ReplicatedLog;
  readonly #frontEnd: HttpFrontEnd;
  readonly #toMaster: ToMaster;

  constructor(log: ReplicatedLog, frontEnd: HttpFrontEnd, toMaster: ToMaster) {
    this.#log = log;
    this.#frontEnd = frontEnd;
    this.#toMaster = toMaster;
  }

  announce(query: string, ip: Uint8Array, respond: RespondHttp): void {
    if (this.#isForTheMaster()) this.#forward('/announce', query, ip, respond);
    else this.#frontEnd.announce(query, ip, respond);
  }

  scrape(query: string, ip: Uint8Array, respond: RespondHttp): void {
    if (this.#isForTheMaster()) this.#forward('/scrape', query, ip, respond);
    else this.#frontEnd.scrape(query, ip, respond);
  }

  #isForTheMaster(): boolean {
    return this.#toMaster.isKnown && !this.#log.mayAnswer();
  }

  #forward(path: '/announce' | '/scrape', query: string, ip: Uint8Array, respond: RespondHttp): void {
    this.#toMaster.ask({ type: 'http', path, query, ip: [...ip] }).then(
      ({ status, body }) => respond(status === 200 ? 200 : 503, body),
      () => this.#frontEnd.refuse(respond),
    );
  }
}
