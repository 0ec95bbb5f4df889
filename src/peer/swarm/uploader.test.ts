import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BLOCK_HEADER_BYTES, type Block } from '../../bittorrent/peer-wire.ts';
import { RateLimiter } from '../exchange/rate-limiter.ts';
import { UploadQueue } from '../exchange/upload-queue.ts';
import type { FileRange } from '../transport/peer-transport.ts';
import type { PeerSession } from './peer-session.ts';
import { Uploader } from './uploader.ts';

const KIB = 1024;
const content = Uint8Array.from({ length: 1024 * KIB }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
const block = (begin: number, length: number): Block => ({ piece: 0, begin, length });
const bytesOf = ({ begin, length }: Block) => content.subarray(begin, begin + length);

interface Setting {
  readonly several?: boolean;
  /** Bytes of a block that leave at once from its file; undefined: none, nor its head. */
  readonly leaves?: number | undefined;
  readonly isCached?: (block: Block) => boolean;
}

/** An uploader of `content`, and a session whose link takes all that it is given, but of a file only so much at a time. */
function setting({ several = true, leaves, isCached = () => true }: Setting) {
  const sent: Buffer[] = [];
  const said: string[] = [];
  const uploads = new UploadQueue();
  const session = {
    uploads,
    link: { unsentBytes: 0, sendFile: () => undefined },
    isClosed: false,
    out: {
      parts(parts: readonly Uint8Array[], done?: () => void) {
        said.push(`wrote ${parts.length}`);
        sent.push(...parts.map((part) => Buffer.from(part)));
        done?.();
      },
      file(head: Uint8Array, { offset, length }: FileRange) {
        if (leaves === undefined) return undefined;
        const count = Math.min(leaves, length);
        said.push(`sent ${count}`);
        sent.push(Buffer.from(head), Buffer.from(content.subarray(offset, offset + count)));
        return count;
      },
    },
    refuse: () => said.push('refused'),
    close: (reason: string) => said.push(`closed: ${reason}`),
  };
  let total = 0;
  const uploader = new Uploader({
    sendsToSeveral: () => several,
    cachedRange: (each) => (isCached(each) ? { file: 1, offset: each.begin, length: each.length } : undefined),
    readCached: (each, into) => {
      if (!isCached(each)) return false;
      into.set(bytesOf({ ...each, length: into.length }));
      return true;
    },
    read: async (each, into) => into.set(bytesOf({ ...each, length: into.length })),
    limiter: new RateLimiter(Number.POSITIVE_INFINITY, 0),
    now: () => 0,
    sent: (_, bytes) => {
      total += bytes;
    },
    failed: (_, error) => assert.fail(error),
  });
  const answer = async (...blocks: Block[]) => {
    for (const each of blocks) uploads.add(each);
    uploader.pump(session as unknown as PeerSession);
    while (uploads.size > 0) await nextTurn();
    await nextTurn();
    return Buffer.concat(sent);
  };
  return { said, answer, total: () => total };
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

/** What a peer is to hear. */
const answered = (...blocks: Block[]) =>
  Buffer.concat(
    blocks.flatMap((each) => {
      const head = Buffer.alloc(BLOCK_HEADER_BYTES);
      head.writeUInt32BE(9 + each.length, 0);
      head[4] = 7;
      head.writeUInt32BE(each.piece, 5);
      head.writeUInt32BE(each.begin, 9);
      return [head, bytesOf(each)];
    }),
  );

describe('A block that was asked for', () => {
  const long = [block(0, 256 * KIB), block(256 * KIB, 256 * KIB)];
  const short = [block(512 * KIB, 16 * KIB), block(528 * KIB, 16 * KIB)];

  it('leaves from its file when it is long and several are sent to', async () => {
    const { answer, said, total } = setting({ leaves: Number.POSITIVE_INFINITY });
    assert.ok((await answer(...long, ...short)).equals(answered(...long, ...short)));
    assert.deepEqual(said, [`sent ${256 * KIB}`, `sent ${256 * KIB}`, 'wrote 4']);
    assert.equal(total(), 544 * KIB);
  });

  it('is read where there is one peer only, where its file is not in memory, and where its link cannot', async () => {
    for (const options of [
      { several: false, leaves: 1 },
      { leaves: 1, isCached: () => false },
      { leaves: undefined },
    ]) {
      const { answer, said, total } = setting(options);
      assert.ok((await answer(...long)).equals(answered(...long)));
      assert.ok(said.every((each) => each.startsWith('wrote')));
      assert.equal(total(), 512 * KIB);
    }
  });

  it('is followed by nothing else before the rest of it, when it did not leave at once', async () => {
    for (const leaves of [0, 1, 100 * KIB]) {
      const { answer, said, total } = setting({ leaves });
      assert.ok((await answer(...long)).equals(answered(...long)));
      assert.deepEqual(said, [`sent ${leaves}`, 'wrote 1', `sent ${leaves}`, 'wrote 1']);
      assert.equal(total(), 512 * KIB);
    }
  });

  it('ends the conversation when the rest of it cannot be had', async () => {
    const { answer, said } = setting({ leaves: KIB, isCached: ({ begin }) => begin === 0 });
    await answer(long[0]);
    assert.deepEqual(said, [`sent ${KIB}`, 'closed: a block could not be read while it was sent']);
  });
});
