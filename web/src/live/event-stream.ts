import { nextAttempt } from './reconnect-policy.ts';

export interface EventStreamOptions<Events> {
  /** E.g. `/api/v1/events`. */
  readonly path: string;
  /** Told the data of each event, parsed. */
  readonly on: { readonly [Name in keyof Events]: (data: Events[Name]) => void };
  /** Told each change of the connection. */
  readonly onConnection: (connection: Connection) => void;
  /** A stream that says nothing for so long is dead, whatever TCP believes. */
  readonly silenceMs: number;
  /** Where else to try: origins. */
  readonly others?: () => readonly string[];
}

export interface Connection {
  /** `connecting` before the first event ever. */
  readonly state: 'connecting' | 'live' | 'lost';
  /** '' is where the page came from. */
  readonly origin: string;
  /** Since when it has been so, Unix time in milliseconds. */
  readonly since: number;
}

/** A try that has not brought an event by then has failed. */
const CONNECT_MS = 4_000;
/** How often a page that had to turn to another member looks whether its own is back. */
const HOME_CHECK_MS = 10_000;

/**
 * Server-sent events that go on: after a break it connects again, to the same server or to others, until it is closed.
 * Each connection is expected to begin with a snapshot.
 * @returns closes it
 */
export function openEventStream<Events>(options: EventStreamOptions<Events>): () => void {
  const { path, on, onConnection, silenceMs, others = () => [] } = options;
  let source: EventSource | undefined;
  let connection: Connection = { state: 'connecting', origin: '', since: Date.now() };
  /** Tries that failed since the last event. */
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let lastCheckOfHome = 0;

  const connect = (origin: string) => {
    source?.close();
    const opened = new EventSource(origin + path);
    source = opened;
    for (const name of Object.keys(on) as (keyof Events & string)[]) {
      opened.addEventListener(name, (event) => {
        if (source !== opened) return;
        heard(origin);
        on[name](JSON.parse(event.data));
      });
    }
    opened.addEventListener('error', () => {
      if (source === opened) lost();
    });
    restartTimer(CONNECT_MS);
  };

  const heard = (origin: string) => {
    failures = 0;
    if (connection.state !== 'live' || connection.origin !== origin) {
      change('live', origin);
      lastCheckOfHome = Date.now();
    }
    restartTimer(silenceMs);
    if (origin !== '') void lookHome();
  };

  const lost = () => {
    source?.close();
    source = undefined;
    if (connection.state !== 'lost') change('lost', connection.origin);
    const next = nextAttempt(failures++, connection.origin, ['', ...others()]);
    clearTimeout(timer);
    timer = setTimeout(() => connect(next.origin), next.delayMs);
  };

  const restartTimer = (ms: number) => {
    clearTimeout(timer);
    timer = setTimeout(lost, ms);
  };

  /** Changes are made at home only, so it goes back when it can. */
  const lookHome = async () => {
    if (Date.now() - lastCheckOfHome < HOME_CHECK_MS) return;
    lastCheckOfHome = Date.now();
    const reply = await fetch('/theme.js', { method: 'HEAD', cache: 'no-store' }).catch(() => undefined);
    if (reply?.ok && connection.state === 'live' && connection.origin !== '') connect('');
  };

  const change = (state: Connection['state'], origin: string) => {
    connection = { state, origin, since: Date.now() };
    onConnection(connection);
  };

  connect('');
  return () => {
    source?.close();
    source = undefined;
    clearTimeout(timer);
    // A look home that is under way changes nothing then.
    connection = { ...connection, state: 'lost' };
  };
}
