import { Signal, useSignal, useSignalEffect } from '@preact/signals';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

export interface Resource<T> {
  /** What was loaded last; it stays while the next is on its way. */
  readonly data: T | undefined;
  /** Why the last try failed; undefined once one worked. */
  readonly error: Error | undefined;
  /** Something else than `data` is on its way: not while the same is loaded afresh. */
  readonly busy: boolean;
  /** Loads the same again. */
  readonly reload: () => void;
}

/** Between two loads of the same, so that a busy cluster does not keep the page loading. */
const REFRESH_MS = 2_000;

/**
 * Loads something when `key` changes, and afresh when `version` does; what came too late is dropped. An undefined key loads nothing.
 * @param version e.g. the index of the log: a value, or a signal, whose changes do not draw anything anew by themselves
 */
export function useResource<T>(
  key: string | undefined,
  load: (signal: AbortSignal) => Promise<T>,
  version?: unknown,
): Resource<T> {
  const [loaded, setLoaded] = useState<{ key: string; data: T }>();
  const [error, setError] = useState<Error>();
  const current = useRef(load);
  current.current = load;
  const abort = useRef<AbortController>(undefined);
  const lastLoad = useRef(0);

  const start = useCallback(async () => {
    if (key === undefined) return;
    abort.current?.abort();
    const own = new AbortController();
    abort.current = own;
    lastLoad.current = Date.now();
    try {
      const data = await current.current(own.signal);
      if (own.signal.aborted) return;
      setLoaded({ key, data });
      setError(undefined);
    } catch (failure) {
      if (!own.signal.aborted) setError(failure instanceof Error ? failure : new Error(String(failure)));
    }
  }, [key]);

  const latest = useRef(start);
  latest.current = start;

  useEffect(() => {
    void start();
    return () => abort.current?.abort();
  }, [start]);

  const plain = useSignal<unknown>(undefined);
  const versions = version instanceof Signal ? version : plain;
  if (versions === plain) plain.value = version;
  // Each change but the first value.
  const seen = useRef(versions.peek());
  useSignalEffect(() => {
    const { value } = versions;
    if (value === seen.current) return;
    seen.current = value;
    // A load that is under way may be older than the change: it is loaded again after it.
    const timer = setTimeout(() => void latest.current(), Math.max(0, lastLoad.current + REFRESH_MS - Date.now()));
    return () => clearTimeout(timer);
  });

  return {
    data: loaded?.data,
    error,
    busy: key !== undefined && loaded?.key !== key && error === undefined,
    reload: start,
  };
}
