import type { AddressFamily } from '../../bittorrent/compact-peers.ts';
import type { AnnounceAnswer, AskTracker, Patience } from './announcement.ts';
import type { ContentReport } from './content-report.ts';
import { TrackerAccount } from './tracker-account.ts';
import { addressesOf, type LookUp, type TrackerUrl } from './tracker-address.ts';
import { TrackerError } from './tracker-error.ts';

/** How a tracker is asked at one of its addresses. */
type WayTo = (url: TrackerUrl, family: AddressFamily, address: string) => AskTracker;

export interface TrackerWays {
  readonly wayTo: WayTo;
  /** The system's by default. */
  readonly lookUp?: LookUp | undefined;
}

interface Place {
  readonly account: TrackerAccount;
  /** Asks where the tracker is now: names move. */
  ask: AskTracker;
  address: string;
  underWay: Promise<AnnounceAnswer> | undefined;
}

/**
 * One tracker of one content, at an address of each family that it has: it learns both addresses of this peer, and tells
 * peers of both (BEP 7). The first answer counts; what the other way brings is handed over when it comes.
 */
export class PlainTracker {
  readonly url: TrackerUrl;
  readonly #report: ContentReport;
  readonly #wayTo: WayTo;
  readonly #lookUp: LookUp | undefined;
  readonly #onAnswer: (answer: AnnounceAnswer, url: TrackerUrl) => void;
  readonly #places = new Map<AddressFamily, Place>();

  constructor(
    url: TrackerUrl,
    report: ContentReport,
    { wayTo, lookUp }: TrackerWays,
    onAnswer: (answer: AnnounceAnswer, url: TrackerUrl) => void,
  ) {
    this.url = url;
    this.#report = report;
    this.#wayTo = wayTo;
    this.#lookUp = lookUp;
    this.#onAnswer = onAnswer;
  }

  /** @throws {TrackerError} no way led to an answer: why the likeliest did not */
  async announce(patience: Patience, signal: AbortSignal): Promise<AnnounceAnswer> {
    const asked = (await this.#locate(signal)).map((place) => {
      // One that has not ended yet says all there is to say.
      place.underWay ??= place.account
        .announce(patience, signal)
        .then((answer) => {
          this.#onAnswer(answer, this.url);
          return answer;
        })
        .finally(() => {
          place.underWay = undefined;
        });
      return place.underWay;
    });
    return await firstWord(asked);
  }

  /** @throws {TrackerError} it may still believe that we are there */
  async stop(patience: Patience, signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#places.values()].map(({ account }) => account.stop(patience, signal)));
  }

  async #locate(signal: AbortSignal): Promise<Place[]> {
    const addresses = await addressesOf(this.url.host, signal, this.#lookUp);
    return [...addresses].map(([family, address]) => {
      const there = this.#places.get(family);
      if (there === undefined) return this.#add(family, address);
      if (there.address !== address) {
        there.address = address;
        there.ask = this.#wayTo(this.url, family, address);
      }
      return there;
    });
  }

  #add(family: AddressFamily, address: string): Place {
    const place: Place = {
      account: new TrackerAccount(this.#report, (...asked) => place.ask(...asked)),
      ask: this.#wayTo(this.url, family, address),
      address,
      underWay: undefined,
    };
    this.#places.set(family, place);
    return place;
  }
}

/** The first answer or refusal; otherwise why the likeliest way led nowhere. A refusal needs no other way. */
function firstWord(asked: readonly Promise<AnnounceAnswer>[]): Promise<AnnounceAnswer> {
  return new Promise((resolve, reject) => {
    for (const each of asked) {
      each.then(resolve, (error: unknown) => {
        if (error instanceof TrackerError && error.code === 'REFUSED') reject(error);
      });
    }
    Promise.any(asked).catch(({ errors }: AggregateError) => reject(likeliest(errors)));
  });
}

function likeliest(errors: readonly unknown[]): unknown {
  const rank = (error: unknown) => (error instanceof TrackerError ? LIKELIEST.indexOf(error.code) : -1);
  return errors.toSorted((a, b) => rank(a) - rank(b))[0];
}

/** What the tracker itself said goes before what the network said of one of its addresses; a mistake of ours before both. */
const LIKELIEST: readonly string[] = ['STOPPED', 'MALFORMED_REPLY', 'NO_ANSWER', 'UNREACHABLE'];
