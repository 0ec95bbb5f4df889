import { readFileSync } from 'node:fs';
import { DownloadManager } from './download-manager.ts';

// A peer in a process of its own, for tests that kill it: `node test-processes.ts FOLDER TORRENT PORT`. It fetches into
// FOLDER from 127.0.0.1 and writes what happens as lines of JSON.

const [, , folder, torrent, port] = process.argv;
const manager = new DownloadManager({ dataFolder: folder });
const download = await manager.add({ metainfo: readFileSync(torrent), folder });
await download.settled();
console.log(JSON.stringify({ event: 'settled', have: [...download.have] }));
download.on((event) => {
  const received = download.downMeter.total;
  if (event.type === 'piece') console.log(JSON.stringify({ event: 'piece', piece: event.piece, received }));
  if (event.type === 'done') void end();
});
manager.addPeers(download, [{ host: '127.0.0.1', port: Number(port) }]);
if (download.state === 'seeding') await end();

async function end(): Promise<void> {
  const received = download.downMeter.total;
  await manager.close();
  console.log(JSON.stringify({ event: 'done', received }));
}
