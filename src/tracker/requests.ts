import { NotMasterError, type ReplicatedLog } from '../cluster/replicated-log.ts';
import { changeAdmission } from './admission-change.ts';
import type { AppliedIndex } from './applied-index.ts';
import { type ForwardedRequest, type Outcome, STATUS_DONE, STATUS_REFUSED } from './forwarding/forward-messages.ts';
import type { ToMaster } from './forwarding/to-master.ts';
import type { HttpFrontEnd, HttpRequests } from './front-ends/http-front-end.ts';
import type { Problem } from './serve-messages.ts';
import type { AdmissionChange } from './tracker.ts';
import type { TrackerState } from './tracker-state.ts';

/**
 * What is asked otherwise than by datagrams. Any instance may be asked; the master answers.
 */
export class Requests {
  readonly #log: ReplicatedLog;
  readonly #state: TrackerState;
  readonly #applied: AppliedIndex;
  readonly #frontEnd: HttpFrontEnd;
  readonly #http: HttpRequests;
  readonly #toMaster: ToMaster;

  constructor({ log, state, applied, frontEnd, http, toMaster }: RequestsOptions) {
    this.#log = log;
    this.#state = state;
    this.#applied = applied;
    this.#frontEnd = frontEnd;
    this.#http = http;
    this.#toMaster = toMaster;
  }

  /** Gets the master's outcome, be it this instance or another; never rejects. */
  async ask(request: ForwardedRequest): Promise<Outcome> {
    if (request.type === 'http') return byHttp(this.#http, request);
    if (this.#log.mayAnswer() || !this.#toMaster.isKnown) return this.answer(request);
    try {
      const outcome = await this.#toMaster.ask(request);
      if (request.type === 'change-admission' && outcome.status === STATUS_DONE) {
        // Who reads here next is to find what it changed.
        await this.#applied.reached(BigInt(JSON.parse(new TextDecoder().decode(outcome.body)).index));
      }
      return outcome;
    } catch (error) {
      return refused(error as Error);
    }
  }

  /** Answers as the master; never rejects. */
  async answer(request: ForwardedRequest): Promise<Outcome> {
    switch (request.type) {
      case 'http':
        return this.#answerHttp(request);
      case 'change-admission':
        return this.#change(request.change);
      case 'step-down':
        return this.#stepDown();
      case 'remove-member':
        return this.#removeMember(request.member);
    }
  }

  async #answerHttp(request: HttpRequest): Promise<Outcome> {
    const outcome = await byHttp(this.#frontEnd, request);
    // Whoever forwarded it looks for the master again.
    return outcome.status === 503 && !this.#log.mayAnswer() ? refused(new NotMasterError(undefined)) : outcome;
  }

  async #change(change: AdmissionChange): Promise<Outcome> {
    try {
      const index = await changeAdmission(change, this.#state.admission, this.#log, this.#state.clock);
      return { status: STATUS_DONE, body: new TextEncoder().encode(JSON.stringify({ index: String(index) })) };
    } catch (error) {
      return refused(error as Error);
    }
  }

  async #stepDown(): Promise<Outcome> {
    const { role, master } = this.#log.status;
    if (role !== 'master') return refused(new NotMasterError(master));
    try {
      await this.#log.transferMastership();
      return { status: STATUS_DONE, body: new Uint8Array(0) };
    } catch (error) {
      return refused(Object.assign(error as Error, { code: 'HANDOVER_FAILED' }));
    }
  }

  async #removeMember(member: string): Promise<Outcome> {
    try {
      await this.#log.removeMember(member);
      return { status: STATUS_DONE, body: new Uint8Array(0) };
    } catch (error) {
      return refused(error as Error);
    }
  }
}

export interface RequestsOptions {
  readonly log: ReplicatedLog;
  readonly state: TrackerState;
  readonly applied: AppliedIndex;
  /** Answers as the master. */
  readonly frontEnd: HttpFrontEnd;
  /** Answers, whoever is the master. */
  readonly http: HttpRequests;
  readonly toMaster: ToMaster;
}

type HttpRequest = Extract<ForwardedRequest, { type: 'http' }>;

function byHttp(requests: HttpRequests, { path, query, ip }: HttpRequest): Promise<Outcome> {
  const from = Uint8Array.from(ip);
  return new Promise((resolve) => {
    const respond = (status: number, body: Uint8Array) => resolve({ status, body: body.slice() });
    if (path === '/announce') requests.announce(query, from, respond);
    else requests.scrape(query, from, respond);
  });
}

function refused({ code = 'FAILED', message }: Error & { code?: string }): Outcome {
  const problem: Problem = { code, message };
  return { status: STATUS_REFUSED, body: new TextEncoder().encode(JSON.stringify(problem)) };
}
