import { readFileSync } from 'node:fs';
import koffi from 'koffi';

const libc = koffi.load('libc.so.6');
const mmap = libc.func('intptr_t mmap(intptr_t at, size_t bytes, int access, int flags, int fd, int64_t offset)');
const munmap = libc.func('int munmap(intptr_t at, size_t bytes)');
const madvise = libc.func('int madvise(intptr_t at, size_t bytes, int advice)');

// From mman.h.
const PROT_READ_WRITE = 3;
const MAP_PRIVATE_ANONYMOUS = 0x22;
const MAP_FAILED = -1;
const MADV_HUGEPAGE = 14;
const MADV_POPULATE_WRITE = 23;

const HUGE_PAGE_BYTES = 2 ** 21;
/** Free and at hand at any time: more than is used between two looks, less than lies about until the host comes for it. */
const AHEAD_BYTES = 2 ** 28;
const LOOK_MS = 5;

/**
 * Memory that is at hand. The host of a virtual machine takes back what is free for two seconds, and to fetch a GiB from it again takes
 * up to two seconds of a processor, more than to transfer it. So memory is taken before a trial and given back during it, bit by
 * bit, as it is used: all systems find what a machine of its own would have.
 */
export class WarmMemory {
  readonly #end: number;
  readonly #freeBefore: number;
  readonly #timer: NodeJS.Timeout;
  #at: number;
  #given = 0;

  /** Takes so much memory. @throws Error there is not so much */
  constructor(bytes: number) {
    const length = Math.ceil(bytes / HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES;
    this.#at = Number(mmap(0, length, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0));
    if (this.#at === MAP_FAILED) throw new Error(`there are no ${length} bytes of memory for a trial`);
    this.#end = this.#at + length;
    // A matter of speed only, and older systems have neither: there memory is as it is.
    madvise(this.#at, length, MADV_HUGEPAGE);
    madvise(this.#at, length, MADV_POPULATE_WRITE);
    this.#freeBefore = freeBytes();
    this.#giveWhatIsUsed();
    this.#timer = setInterval(() => this.#giveWhatIsUsed(), LOOK_MS);
  }

  /** Gives all of it back. */
  release(): void {
    clearInterval(this.#timer);
    this.#give(this.#end - this.#at);
  }

  #giveWhatIsUsed(): void {
    const used = this.#freeBefore + this.#given - freeBytes();
    const wanted = Math.min(used + AHEAD_BYTES - this.#given, this.#end - this.#at);
    this.#give(Math.floor(wanted / HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES);
  }

  #give(bytes: number): void {
    if (bytes <= 0) return;
    munmap(this.#at, bytes);
    this.#at += bytes;
    this.#given += bytes;
  }
}

function freeBytes(): number {
  return Number(/^MemFree:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) * 1024;
}
