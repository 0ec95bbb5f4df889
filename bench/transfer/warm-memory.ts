import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
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
/** Free and at hand at any time: more than is used between two looks, and so little that it hardly matters when the host takes it. */
const AHEAD_BYTES = 2 ** 27;
/** By then the host has come twice. */
const HOST_MS = 5_000;
const LOOK_MS = 5;

/**
 * Memory that is at hand. The host of a virtual machine comes every two seconds for what is free, and to fetch a GiB from it again takes
 * up to two seconds of a processor, more than to transfer it. So memory is taken before a trial and given back during it, bit by
 * bit, as it is used: all systems find what a machine of its own would have. The host is let come for all else before; what it takes
 * during a trial is what the system uses next (measured: 4 of 12 transfers of 1.5 s lost 130 to 380 MiB to it, and up to a quarter of their speed).
 */
export class WarmMemory {
  readonly #end: number;
  #usedBefore = 0;
  #timer: NodeJS.Timeout | undefined;
  #at: number;
  #given = 0;

  /** Takes so much memory, and waits until the host has come for the rest. @throws Error there is not so much */
  static async take(bytes: number): Promise<WarmMemory> {
    const memory = new WarmMemory(bytes);
    await delay(HOST_MS);
    return memory;
  }

  private constructor(bytes: number) {
    const length = Math.ceil(bytes / HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES;
    this.#at = Number(mmap(0, length, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0));
    if (this.#at === MAP_FAILED) throw new Error(`there are no ${length} bytes of memory for a trial`);
    this.#end = this.#at + length;
    // A matter of speed only, and older systems have neither: there memory is as it is.
    madvise(this.#at, length, MADV_HUGEPAGE);
    madvise(this.#at, length, MADV_POPULATE_WRITE);
  }

  /** From now on as much of it is free as is used. */
  giveWhatIsUsed(): void {
    this.#usedBefore = usedBytes();
    this.#giveMore();
    this.#timer = setInterval(() => this.#giveMore(), LOOK_MS);
  }

  /** Gives all of it back. */
  release(): void {
    clearInterval(this.#timer);
    this.#give(this.#end - this.#at);
  }

  #giveMore(): void {
    // This memory counts as used, too, until it is given.
    const used = usedBytes() + this.#given - this.#usedBefore;
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

/** By files and programs. Not all that is not free: what the host is taking is not, for a moment. */
function usedBytes(): number {
  const text = readFileSync('/proc/meminfo', 'utf8');
  const kib = USES.map((name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]));
  return kib.reduce((sum, each) => sum + each) * 1024;
}

const USES = ['Cached', 'Buffers', 'AnonPages', 'Slab', 'PageTables'];
