import { closeSync, openSync } from 'node:fs';
import koffi from 'koffi';

/** From sched.h. */
const CLONE_NEWNET = 0x4000_0000;

/**
 * A network of the kernel's with nothing in it. It has no name anywhere: it goes when nobody holds it any more, also
 * when the test is killed.
 *
 * The kernel counts the calling thread as inside of one. Node makes sockets and processes on the main thread, so they
 * belong to the namespace that it is in at that moment, for as long as they live.
 */
export class NetworkNamespace {
  readonly #fd: number;

  /** The one that this thread is in. */
  static current(): NetworkNamespace {
    return new NetworkNamespace(openSync('/proc/thread-self/ns/net', 'r'));
  }

  /** @throws when this process may not make one */
  static create(): NetworkNamespace {
    const home = NetworkNamespace.current();
    try {
      if (libc().unshare(CLONE_NEWNET) !== 0) throw new Error('may not make a network namespace: run as root');
      const created = NetworkNamespace.current();
      home.enter();
      return created;
    } finally {
      home.close();
    }
  }

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** For `ip link set ... netns PATH`. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.#fd}`;
  }

  /** From now on this thread is inside. */
  enter(): void {
    if (libc().setns(this.#fd, CLONE_NEWNET) !== 0) throw new Error('cannot enter a network namespace');
  }

  /** What `make` makes belongs to this namespace, if it is made before `make` returns: not a moment later. */
  within<T>(make: () => T): T {
    const home = NetworkNamespace.current();
    this.enter();
    try {
      return make();
    } finally {
      home.enter();
      home.close();
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}

interface Libc {
  unshare(flags: number): number;
  setns(fd: number, kind: number): number;
}

let loaded: Libc | undefined;

function libc(): Libc {
  const library = () => koffi.load('libc.so.6');
  loaded ??= {
    unshare: library().func('int unshare(int flags)'),
    setns: library().func('int setns(int fd, int kind)'),
  };
  return loaded;
}
