import type { Peer } from '../../peer/peer.ts';
import type { EventStream } from './event-stream.ts';
import { LOOK_MS, type PeerStatus } from './peer-schemas.ts';
import { contentView } from './peer-views.ts';
import type { Shares } from './shares.ts';
import type { TransferHistory } from './transfer-history.ts';

/** All that the events tell of, as JSON. */
interface Told {
  readonly peer: string;
  /** By sha1. */
  readonly contents: ReadonlyMap<string, string>;
  /** By id. */
  readonly shares: ReadonlyMap<number, string>;
  readonly samples: number;
}

export interface PeerEventSources {
  readonly peer: Peer;
  readonly shares: Shares;
  readonly history: TransferHistory;
  readonly status: () => PeerStatus;
}

/**
 * Server-sent events of a peer: `snapshot` with all there is, then `changes` with all that changed since, in one message
 * however much it is. A listener that does not keep up gets a new snapshot when it does. Nothing is looked at while nobody listens.
 */
export class PeerEvents {
  readonly #sources: PeerEventSources;
  readonly #listeners = new Set<EventStream>();
  /** Those that missed something. */
  readonly #behind = new WeakSet<EventStream>();
  #told: Told | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(sources: PeerEventSources) {
    this.#sources = sources;
  }

  listen(stream: EventStream): void {
    // Those who listen already are told first, so that all know the same from here on.
    this.#look();
    stream.send('snapshot', this.#snapshot(this.#told ?? this.#now()));
    this.#listeners.add(stream);
    stream.onClose(() => this.#forget(stream));
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
  }

  close(): void {
    this.#listeners.clear();
    clearInterval(this.#timer);
  }

  #forget(stream: EventStream): void {
    this.#listeners.delete(stream);
    if (this.#listeners.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const now = this.#now();
    const changes = this.#told && this.#changes(this.#told, now);
    this.#told = now;
    let snapshot: string | undefined;
    for (const stream of this.#listeners) {
      if (!stream.isReady) {
        if (changes !== undefined) this.#behind.add(stream);
      } else if (this.#behind.delete(stream)) {
        snapshot ??= this.#snapshot(now);
        stream.send('snapshot', snapshot);
      } else if (changes !== undefined) stream.send('changes', changes);
      else stream.stayAlive();
    }
  }

  #now(): Told {
    const { peer, shares, history, status } = this.#sources;
    return {
      peer: JSON.stringify(status()),
      contents: new Map(peer.contents.map((each) => [each.sha1, JSON.stringify(contentView(each))])),
      shares: new Map(shares.all.map((each) => [each.id, JSON.stringify(each)])),
      samples: history.count,
    };
  }

  #snapshot({ peer, contents, shares }: Told): string {
    const transfer = JSON.stringify(this.#sources.history.view());
    return `{"peer":${peer},"contents":${list(contents.values())},"shares":${list(shares.values())},"transfer":${transfer}}`;
  }

  /** Undefined when nothing changed. */
  #changes(before: Told, now: Told): string | undefined {
    const parts: string[] = [];
    const add = (name: string, items: string[]) => {
      if (items.length > 0) parts.push(`"${name}":${list(items)}`);
    };
    if (now.peer !== before.peer) parts.push(`"peer":${now.peer}`);
    add('contents', changed(before.contents, now.contents));
    add('removedContents', gone(before.contents, now.contents));
    add('shares', changed(before.shares, now.shares));
    add('removedShares', gone(before.shares, now.shares));
    if (now.samples !== before.samples) {
      parts.push(`"transfer":${JSON.stringify(this.#sources.history.view(before.samples))}`);
    }
    return parts.length === 0 ? undefined : `{${parts.join(',')}}`;
  }
}

function list(items: Iterable<string>): string {
  return `[${[...items].join(',')}]`;
}

function changed<Key>(before: ReadonlyMap<Key, string>, now: ReadonlyMap<Key, string>): string[] {
  return [...now].filter(([key, json]) => before.get(key) !== json).map(([, json]) => json);
}

function gone<Key>(before: ReadonlyMap<Key, string>, now: ReadonlyMap<Key, string>): string[] {
  return [...before.keys()].filter((key) => !now.has(key)).map((key) => JSON.stringify(key));
}
