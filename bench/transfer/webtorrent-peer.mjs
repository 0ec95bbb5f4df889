// WebTorrent (npm) as a peer with one torrent: node webtorrent-peer.mjs seed|leech PORT TORRENT FOLDER. It prints
// {"event":"ready"} when it can send, {"event":"done"} when it has everything.
import { registerHooks } from 'node:module';

// What it needs for peers in browsers is a native part that its install script would fetch; peers here talk TCP.
const NO_WEBRTC =
  'export const RTCPeerConnection = undefined, RTCSessionDescription = undefined, RTCIceCandidate = undefined;';
registerHooks({
  resolve: (name, context, next) =>
    name === 'webrtc-polyfill' ? { url: `data:text/javascript,${NO_WEBRTC}`, shortCircuit: true } : next(name, context),
});
const { default: WebTorrent } = await import('../rivals/node_modules/webtorrent/index.js');

const [mode, port, torrentFile, folder] = process.argv.slice(2);
const say = (event) => console.log(JSON.stringify({ event }));
const nothingButTcp = { dht: false, lsd: false, utp: false, natUpnp: false, natPmp: false, webSeeds: false };
const client = new WebTorrent({ torrentPort: Number(port), ...nothingButTcp });
client.on('error', (error) => {
  console.error(error);
  process.exit(1);
});
const torrent = client.add(torrentFile, { path: folder, skipVerify: mode === 'seed' });
if (mode === 'seed') torrent.on('ready', () => say('ready'));
else torrent.on('done', () => say('done'));
