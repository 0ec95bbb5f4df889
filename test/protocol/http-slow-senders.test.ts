import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TIMEOUTS } from '../../src/api/app.ts';
import { onBothWays } from '../harness/both-ways.ts';
import { announceQuery, httpAnnounce } from '../harness/http-tracker.ts';
import { openDescriptors } from '../harness/process-resources.ts';
import { RawConnection } from '../harness/raw-connection.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { newInfoHash, UdpClient } from '../harness/udp-client.ts';
import { waitFor } from '../harness/wait-for.ts';

const SLOW_SENDERS = 600;
/** A head that ends with a header of any length. */
const HEAD = 'GET /announce HTTP/1.1\r\nX: ';
/** The kernel keeps silent connections back for a while, before the instance's own clock starts. */
const DEADLINE_MS = 4 * TIMEOUTS.headersMs + 30_000;

// Both ways at once: the time is spent waiting.
describe('slow senders', { concurrency: true }, () =>
  onBothWays((tracker) => {
    test('are ended by time-out, while announces go on', async () => {
      const { clientPort, pid } = tracker();
      const before = openDescriptors(pid);
      const slow = await Promise.all(Array.from({ length: SLOW_SENDERS }, () => RawConnection.open(clientPort)));
      let turn = 0;
      let announced = 0;
      await using client = await UdpClient.open('127.0.0.1', clientPort);
      await waitFor(
        'all slow senders to be ended',
        async () => {
          // A third never says a word; the others say one byte a turn, and never come to an end.
          const byte = HEAD[turn++] ?? 'x';
          for (const [i, connection] of slow.entries()) {
            if (i % 3 > 0 && !connection.ended) connection.send(byte);
          }
          const infoHash = newInfoHash();
          assert.equal((await client.announce({ infoHash })).leechers, 1);
          assert.equal((await httpAnnounce(clientPort, announceQuery(infoHash, 1))).leechers, 2);
          announced++;
          return slow.every(({ ended }) => ended);
        },
        DEADLINE_MS,
      );
      assert.ok(announced > 10, `only ${announced} announces went through meanwhile`);
      const replies = slow.map(({ received }) => received.toString('latin1', 0, 12)).filter((line) => line !== '');
      assert.deepEqual(
        new Set(replies),
        new Set(['HTTP/1.1 408']),
        'whoever is told why, is told that it was the time',
      );
      for (const connection of slow) await connection[Symbol.asyncDispose]();
      await waitFor('their descriptors to be closed', () => openDescriptors(pid) <= before);
      assert.ok((await new TrackerApi(tracker()).contents()).length >= announced);
    });
  }),
);
