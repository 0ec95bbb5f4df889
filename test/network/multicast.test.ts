import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeConnectRequest, parseReply } from '../../src/bittorrent/bep15.ts';
import { waitFor } from '../harness/wait-for.ts';
import { CLIENT, missingForLan } from './lan.ts';
import { underLoadOnLan } from './lan-place.ts';

const REQUESTS = 100;

describe('a client on another machine that asks the group', { skip: missingForLan() }, () => {
  test('gets exactly one reply to each request, from the address of the master', (t) =>
    underLoadOnLan(t, 3, async (stage, lan) => {
      const { host: address, clientPort: port } = await stage.master();
      const { group } = stage.network;
      const socket = await lan.socket(CLIENT);
      const sources = new Map<number, string[]>();
      const source = (id: number) => sources.get(id) ?? [];
      socket.on('message', (datagram, from) => {
        const { transactionId } = parseReply(datagram, 4);
        sources.set(transactionId, [...source(transactionId), `${from.address}:${from.port}`]);
      });
      for (let id = 1; id <= REQUESTS; id++) socket.send(encodeConnectRequest(id), group.port, group.host);
      await waitFor('all replies', () => sources.size === REQUESTS);
      // An instance takes what has arrived at its sockets by turns: its second reply from now on leaves behind all that it
      // could say to the requests above.
      const members = [...stage.members.values()];
      for (const [i, { name, host, clientPort }] of [...members, ...members].entries()) {
        const id = REQUESTS + 1 + i;
        await waitFor(`a reply by way of ${name}`, () => {
          socket.send(encodeConnectRequest(id), clientPort, host);
          return source(id).length > 0;
        });
      }
      for (let id = 1; id <= REQUESTS; id++) assert.deepEqual(source(id), [`${address}:${port}`], `request ${id}`);
      socket.close();
    }));
});
