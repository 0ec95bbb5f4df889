// Files that are to be sent to the peer, one after the other: a browser has few connections to one server.

import { signal } from '@preact/signals';

/** What can wait. */
export const MAX_QUEUED = 1_000;

export interface QueuedFile {
  readonly id: number;
  readonly file: File;
}

/** Sends files one at a time; `send` never fails, it tells of failures itself. */
export class UploadQueue {
  /** Not sent yet, the next one first. */
  readonly waiting = signal<readonly QueuedFile[]>([]);
  readonly #send: (file: File) => Promise<void>;
  #isSending = false;
  #lastId = 0;

  constructor(send: (file: File) => Promise<void>) {
    this.#send = send;
  }

  /** Whether something is being sent, or waits for it. */
  get isBusy(): boolean {
    return this.#isSending;
  }

  /** @returns how many had no room */
  add(files: readonly File[]): number {
    const room = MAX_QUEUED - this.waiting.value.length;
    const added = files.slice(0, room).map((file) => ({ id: ++this.#lastId, file }));
    this.waiting.value = [...this.waiting.value, ...added];
    void this.#run();
    return files.length - added.length;
  }

  /** One that waits is not sent. */
  remove(id: number): void {
    this.waiting.value = this.waiting.value.filter((each) => each.id !== id);
  }

  async #run(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    for (let next = this.waiting.value[0]; next; next = this.waiting.value[0]) {
      this.remove(next.id);
      await this.#send(next.file);
    }
    this.#isSending = false;
  }
}
