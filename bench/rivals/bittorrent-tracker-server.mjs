// Runs bittorrent-tracker (npm) on loopback, UDP and HTTP, and says where: {"event":"listening","clientPort":N,"pid":N}.
// The server alone: the package's main entry also loads its client, which needs native parts.
import Server from 'bittorrent-tracker/server';

const port = Number(process.argv[2]);
const server = new Server({ udp: true, http: true, ws: false, stats: false });
server.on('error', (error) => {
  console.error(error);
  process.exit(1);
});
// It warns of each malformed request; the load counts what it does not answer.
server.on('warning', () => {});
server.listen(port, { http: '127.0.0.1', udp: '127.0.0.1', udp6: '::1' }, () => {
  console.log(JSON.stringify({ event: 'listening', clientPort: port, pid: process.pid }));
});
