import { formatIpv4, formatIpv6 } from '../../bittorrent/compact-peers.ts';
import { formatInfoHash } from '../../bittorrent/info-hash.ts';
import {
  BATCH_HEADER_BYTES,
  batchTime,
  FLAG_COMPLETED,
  FLAG_IPV6,
  OP_ADMISSION_ADD,
  OP_ADMISSION_MODE,
  OP_ADMISSION_REMOVE,
  OP_ANNOUNCE,
  OP_CONTENT,
  OP_EXPIRE,
  OP_FORGET,
  OP_SECRET,
  OP_STOP,
  OP_TOUCH,
  operationLength,
  viewOf,
} from '../operations.ts';

/**
 * The table of operations.ts, word for word and one operation after the other: what the database is held against.
 * For tests.
 */
export class TablesModel {
  time = 0;
  mode = 0;
  secret = '';
  readonly #listed = new Set<string>();
  readonly #swarms = new Map<string, { completed: number; name: Uint8Array | undefined; size: number }>();
  readonly #peers = new Map<string, Map<string, { left: number; seen: number }>>();

  apply(batch: Uint8Array): void {
    this.time = Math.max(this.time, batchTime(batch));
    const seen = Math.floor(batchTime(batch) / 1000);
    for (let at = BATCH_HEADER_BYTES; at < batch.length; at += operationLength(batch, at)) {
      this.#operation(batch.subarray(at, at + operationLength(batch, at)), seen);
    }
  }

  #operation(bytes: Uint8Array, seen: number): void {
    const view = viewOf(bytes);
    const end = bytes.length;
    switch (bytes[0]) {
      case OP_ADMISSION_MODE:
        this.mode = bytes[1];
        return;
      case OP_ADMISSION_ADD:
        this.#listed.add(`${bytes[1]} ${formatInfoHash(bytes, 2)}`);
        return;
      case OP_ADMISSION_REMOVE:
        this.#listed.delete(`${bytes[1]} ${formatInfoHash(bytes, 2)}`);
        return;
      case OP_SECRET:
        this.secret = Buffer.from(bytes.subarray(1, 17)).toString('hex').toUpperCase();
        return;
      case OP_FORGET: {
        const sha1 = formatInfoHash(bytes, 1);
        if (!this.#peers.get(sha1)?.size) this.#swarms.delete(sha1);
        return;
      }
      case OP_CONTENT: {
        const swarm = this.#open(formatInfoHash(bytes, 1));
        if (swarm.name) return;
        swarm.size = view.getFloat64(21, true);
        swarm.name = bytes.slice(30);
        return;
      }
    }
    const sha1 = formatInfoHash(bytes, 2);
    const address = Buffer.from(bytes.subarray(22, bytes[1] & FLAG_IPV6 ? 40 : 28)).toString('hex');
    const peers = this.#peers.get(sha1) ?? new Map<string, { left: number; seen: number }>();
    this.#peers.set(sha1, peers);
    const peer = peers.get(address);
    switch (bytes[0]) {
      case OP_STOP:
        peers.delete(address);
        return;
      case OP_EXPIRE:
        if (peer && peer.seen <= view.getUint32(end - 4, true)) peers.delete(address);
        return;
      case OP_TOUCH: {
        const left = Math.min(view.getFloat64(end - 8, true), Number.MAX_SAFE_INTEGER);
        if (peer) peers.set(address, { left: (left === 0) === (peer.left === 0) ? left : peer.left, seen });
        return;
      }
      case OP_ANNOUNCE: {
        const left = Math.min(view.getFloat64(end - 8, true), Number.MAX_SAFE_INTEGER);
        const swarm = this.#open(sha1);
        if (bytes[1] & FLAG_COMPLETED && left === 0 && peer?.left !== 0) swarm.completed++;
        peers.set(address, { left, seen });
      }
    }
  }

  #open(sha1: string) {
    const swarm = this.#swarms.get(sha1) ?? { completed: 0, name: undefined, size: 0 };
    this.#swarms.set(sha1, swarm);
    return swarm;
  }

  contents(): string[] {
    return this.#each((sha1, address, { left, seen }) => `${sha1} ${hostAndPort(address)} ${left} ${seen}`);
  }

  peers(): string[] {
    const references = new Map<string, number>();
    for (const address of this.#each((_, address) => address)) {
      references.set(address, (references.get(address) ?? 0) + 1);
    }
    return [...references].map(([address, contents]) => `${hostAndPort(address)} ${contents}`).sort();
  }

  swarms(): string[] {
    return [...this.#swarms]
      .map(([sha1, { completed, name, size }]) => {
        const nameHex = name ? Buffer.from(name).toString('hex').toUpperCase() : '';
        return `${sha1} ${nameHex} ${name ? BigInt(size) : null} ${completed}`;
      })
      .sort();
  }

  admission(): string[] {
    return [...this.#listed].sort();
  }

  /** What a loader hands over. */
  loaded(): string[] {
    return [
      `meta ${this.time} ${this.mode} ${this.secret.toLowerCase() || 'none'}`,
      ...this.admission().map((line) => `listed ${line}`),
      ...[...this.#swarms].map(([sha1, { completed, name, size }]) => {
        return `swarm ${sha1} ${completed} ${name ? Buffer.from(name).toString('hex') : 'none'} ${name ? size : ''}`;
      }),
      ...this.#each((sha1, address, { left, seen }) => `peer ${sha1} ${address} ${seen} ${left === 0 ? 1 : 0}`),
    ].sort();
  }

  #each(line: (sha1: string, address: string, peer: { left: number; seen: number }) => string): string[] {
    return [...this.#peers]
      .flatMap(([sha1, peers]) => [...peers].map(([address, peer]) => line(sha1, address, peer)))
      .sort();
  }
}

function hostAndPort(address: string): string {
  const bytes = new Uint8Array(Buffer.from(address, 'hex'));
  const port = bytes[bytes.length - 2] * 256 + bytes[bytes.length - 1];
  return `${bytes.length === 6 ? formatIpv4(bytes) : formatIpv6(bytes)} ${port}`;
}
