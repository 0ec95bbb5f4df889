import { stopped } from './tracker-error.ts';

/** Lets so many through at a time; the others wait in line. Who stops waiting leaves the line. */
export class Gate {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(places: number) {
    this.#free = places;
  }

  /**
   * Runs the work when there is a place.
   * @throws {TrackerError} STOPPED when the signal is raised before; whatever the work throws
   */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#enter(signal);
    try {
      return await work();
    } finally {
      const [next] = this.#waiting;
      if (next) next();
      else this.#free++;
    }
  }

  #enter(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(stopped(signal));
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const end = () => {
        this.#waiting.delete(enter);
        signal.removeEventListener('abort', leave);
      };
      const enter = () => {
        end();
        resolve();
      };
      const leave = () => {
        end();
        reject(stopped(signal));
      };
      this.#waiting.add(enter);
      signal.addEventListener('abort', leave);
    });
  }
}
