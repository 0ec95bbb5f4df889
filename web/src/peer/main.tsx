import { render } from 'preact';
import { startRouting } from '../routing/router.ts';
import { startPeerLive } from './live/peer-live.ts';
import { PeerApp } from './peer-app.tsx';

startRouting();
startPeerLive();
render(<PeerApp />, document.getElementById('app')!);
