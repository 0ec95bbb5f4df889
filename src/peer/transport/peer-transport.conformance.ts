import assert from 'node:assert/strict';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { temporaryFolder } from '../../cluster/storage/storage-faults.ts';
import {
  type PeerLink,
  type PeerListener,
  type PeerTransport,
  PeerTransportError,
  WANTED_UNSENT_BYTES,
} from './peer-transport.ts';

const DEADLINE_MS = 20_000;
const BLOCK = 256 * 1024;

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!condition()) {
    if (Date.now() > deadline) assert.fail(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** One end of a link, with all that it heard. */
class End {
  readonly link: PeerLink;
  readonly chunks: Buffer[] = [];
  heardBytes = 0;
  drains = 0;
  closes: (PeerTransportError | undefined)[] = [];

  constructor(link: PeerLink) {
    this.link = link;
  }

  start(): this {
    this.link.start({
      chunk: (bytes) => {
        assert.deepEqual(this.closes, [], 'a chunk after the end');
        this.chunks.push(Buffer.from(bytes));
        this.heardBytes += bytes.length;
      },
      drained: () => this.drains++,
      closed: (error) => this.closes.push(error),
    });
    return this;
  }

  get heard(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

const pattern = (length: number) => Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 0xff));

/**
 * What every PeerTransport must do.
 * @param make two transports that reach each other; the second listens on `host`
 */
export function peerTransportConformance(
  name: string,
  make: () => { near: PeerTransport; far: PeerTransport; host: string },
): void {
  async function connected(t: TestContext, options: { start?: boolean } = {}) {
    const { near, far, host } = make();
    const taken: PeerLink[] = [];
    const listener = await far.listen(host, 0, (link) => taken.push(link));
    const ours = new End(await near.connect({ host, port: listener.port }));
    await until('the other side has the link', () => taken.length === 1);
    const theirs = new End(taken[0]);
    t.after(async () => {
      ours.link.close();
      theirs.link.close();
      await listener.close();
    });
    if (options.start !== false) {
      ours.start();
      theirs.start();
    }
    return { near, far, host, listener, ours, theirs };
  }
  const free = async (listener: PeerListener) => {
    await listener.close();
    return listener.port;
  };
  const refusal = (code: string) => (error: unknown) => error instanceof PeerTransportError && error.code === code;

  describe(name, { concurrency: true }, () => {
    it('carries bytes both ways, in order, in parts of any size', async (t) => {
      const { ours, theirs } = await connected(t);
      const bytes = pattern(3_000_000);
      for (const end of [ours, theirs]) {
        const cuts = [0, 1, 2, 100, 101, 70_000, 70_000, 1_500_000, bytes.length];
        for (const [i, from] of cuts.slice(0, -1).entries()) end.link.write([bytes.subarray(from, cuts[i + 1])]);
        end.link.write([bytes.subarray(0, 5), bytes.subarray(5, 1000)]);
      }
      await until('all arrived', () => [ours, theirs].every((end) => end.heard.length === bytes.length + 1000));
      for (const end of [ours, theirs]) {
        assert.ok(end.heard.equals(Buffer.concat([bytes, bytes.subarray(0, 1000)])));
      }
    });

    it('puts bytes where they belong when it is told, or hands them over', async (t) => {
      const { ours, theirs } = await connected(t, { start: false });
      ours.start();
      const bytes = pattern(24 * BLOCK);
      const heard = Buffer.alloc(bytes.length);
      let at = 0;
      // The first bytes of each block have no place, as the head of a message has none.
      const place = () => (at % BLOCK < 100 ? undefined : heard.subarray(at, (Math.floor(at / BLOCK) + 1) * BLOCK));
      let pauses = 0;
      const taken = (count: number) => {
        at += count;
        if (at < bytes.length / 2 || pauses > 0) return;
        theirs.link.pause();
        pauses++;
      };
      theirs.link.start({
        chunk: (chunk) => {
          heard.set(chunk, at);
          taken(chunk.length);
        },
        place,
        placed: taken,
        drained: () => {},
        closed: () => {},
      });
      for (let from = 0; from < bytes.length; from += BLOCK) ours.link.write([bytes.subarray(from, from + BLOCK)]);
      await until('half of it arrived', () => pauses === 1);
      theirs.link.resume();
      await until('all arrived', () => at === bytes.length);
      assert.ok(heard.equals(bytes));
    });

    it('sends bytes of a file between others in order, if it can, also to who reads late', async (t) => {
      const { ours, theirs } = await connected(t);
      if (!ours.link.sendFile) return;
      const bytes = pattern(16 * BLOCK);
      const path = join(temporaryFolder(), 'file');
      writeFileSync(path, bytes);
      const file = openSync(path, 'r');
      t.after(() => closeSync(file));
      // By then it has loaded what it needs for that.
      ours.link.write([bytes]);
      await until('the first arrived', () => theirs.heardBytes === bytes.length);
      theirs.link.pause();
      const expected = [bytes];
      let partly = 0;
      for (let i = 0; partly === 0 || i < 16; i++) {
        assert.ok(i < 10_000, 'it takes everything');
        const head = Buffer.from(`head ${i};`);
        const offset = (i % 16) * BLOCK + i;
        const length = Math.min(BLOCK, bytes.length - offset);
        const sent = ours.link.sendFile(head, { file, offset, length });
        if (sent === undefined) ours.link.write([head, bytes.subarray(offset, offset + length)]);
        else if (sent < length) ours.link.write([bytes.subarray(offset + sent, offset + length)]);
        if (sent !== length) partly++;
        expected.push(head, bytes.subarray(offset, offset + length));
      }
      theirs.link.resume();
      const all = Buffer.concat(expected);
      await until('all arrived', () => theirs.heardBytes === all.length);
      assert.ok(theirs.heard.equals(all));
    });

    it('tells either side who the other is', async (t) => {
      const { ours, theirs, host, listener } = await connected(t);
      assert.deepEqual(ours.link.remote, { host, port: listener.port });
      assert.equal(ours.link.incoming, false);
      assert.equal(theirs.link.incoming, true);
      assert.ok(theirs.link.remote.host.length > 0 && theirs.link.remote.port > 0);
    });

    it('loses nothing that comes before it is started', async (t) => {
      const { ours, theirs } = await connected(t, { start: false });
      ours.start();
      ours.link.write([Buffer.from('early')]);
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(theirs.heard.length, 0);
      theirs.start();
      await until('it arrived', () => theirs.heard.toString() === 'early');
    });

    it('says once of each write when its bytes may be used again', async (t) => {
      const { ours, theirs } = await connected(t);
      const done: number[] = [];
      for (let i = 0; i < 20; i++) ours.link.write([Buffer.alloc(1000, i), Buffer.alloc(10)], () => done.push(i));
      ours.link.write([], () => done.push(20));
      await until('all done', () => done.length === 21);
      await until('all there', () => theirs.heard.length === 20 * 1010);
      assert.deepEqual(
        done.toSorted((a, b) => a - b),
        Array.from({ length: 21 }, (_, i) => i),
      );
      assert.equal(ours.link.unsentBytes, 0);
    });

    it('holds back who writes to who does not read, and goes on when it reads', async (t) => {
      const { ours, theirs } = await connected(t);
      theirs.link.pause();
      const part = Buffer.alloc(WANTED_UNSENT_BYTES, 1);
      let written = 0;
      // The systems between take some megabytes before the link is full.
      await until('it is full', () => {
        if (ours.link.unsentBytes >= 2 * WANTED_UNSENT_BYTES) return true;
        ours.link.write([part]);
        written += part.length;
        return false;
      });
      const { drains } = ours;
      const before = theirs.heard.length;
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.ok(theirs.heard.length - before <= 1024 * 1024, 'paused, it reads on');
      theirs.link.resume();
      await until('all arrived', () => theirs.heard.length === written);
      await until('it drained', () => ours.drains > drains);
      assert.equal(ours.link.unsentBytes, 0);
    });

    it('closes both ends, once, and then sends nothing', async (t) => {
      const { ours, theirs } = await connected(t);
      ours.link.write([Buffer.from('last')]);
      await until('it arrived', () => theirs.heard.length === 4);
      theirs.link.close();
      theirs.link.close();
      await until('both know', () => ours.closes.length === 1 && theirs.closes.length === 1);
      let done = 0;
      for (const { link } of [ours, theirs]) {
        link.write([Buffer.from('more')], () => done++);
        link.close();
      }
      await until('it is done with', () => done === 2);
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.deepEqual([ours.closes.length, theirs.closes.length], [1, 1]);
      assert.equal(theirs.heard.toString(), 'last');
    });

    it('is done with all bytes when it closes before they left', async (t) => {
      const { ours, theirs } = await connected(t);
      theirs.link.pause();
      let done = 0;
      for (let i = 0; i < 30; i++) ours.link.write([Buffer.alloc(WANTED_UNSENT_BYTES)], () => done++);
      ours.link.close();
      await until('all are done with', () => done === 30);
      await until('it closed', () => ours.closes.length === 1);
    });

    it('hears of the end that came before it was started', async (t) => {
      const { ours, theirs } = await connected(t, { start: false });
      ours.start();
      ours.link.close();
      await until('ours closed', () => ours.closes.length === 1);
      theirs.start();
      await until('theirs closed', () => theirs.closes.length === 1);
    });

    it('cannot reach where nobody listens, and says so', async () => {
      const { near, far, host } = make();
      const port = await free(await far.listen(host, 0, () => {}));
      await assert.rejects(near.connect({ host, port }), refusal('UNREACHABLE'));
    });

    it('stops connecting when it is told', async () => {
      const { near, far, host } = make();
      const listener = await far.listen(host, 0, (link) => link.close());
      await assert.rejects(
        near.connect({ host, port: listener.port }, { signal: AbortSignal.abort() }),
        refusal('ABORTED'),
      );
      await listener.close();
    });

    it('refuses an address that is taken', async () => {
      const { far, host } = make();
      const listener = await far.listen(host, 0, () => {});
      await assert.rejects(
        far.listen(host, listener.port, () => {}),
        refusal('ADDRESS_IN_USE'),
      );
      await listener.close();
    });

    it('takes no more links when it is closed, and keeps those it has', async (t) => {
      const { near, host, listener, ours, theirs } = await connected(t);
      await listener.close();
      await listener.close();
      await assert.rejects(near.connect({ host, port: listener.port }), refusal('UNREACHABLE'));
      ours.link.write([Buffer.from('still here')]);
      await until('it arrived', () => theirs.heard.toString() === 'still here');
    });

    it('carries many links at once, each its own bytes', async () => {
      const { near, far, host } = make();
      const echoes: PeerLink[] = [];
      const listener = await far.listen(host, 0, (link) => {
        echoes.push(link);
        link.start({ chunk: (bytes) => link.write([Buffer.from(bytes)]), drained: () => {}, closed: () => {} });
      });
      const ends = await Promise.all(
        Array.from({ length: 50 }, async () => new End(await near.connect({ host, port: listener.port })).start()),
      );
      for (const [i, end] of ends.entries()) end.link.write([Buffer.alloc(100_000, i)]);
      await until('all came back', () => ends.every((end) => end.heard.length === 100_000));
      for (const [i, end] of ends.entries()) assert.ok(end.heard.every((byte) => byte === i));
      for (const end of ends) end.link.close();
      for (const link of echoes) link.close();
      await listener.close();
    });
  });
}
