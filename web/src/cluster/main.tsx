import { render } from 'preact';
import { startLive } from '../live/cluster-live.ts';
import { startRouting } from '../routing/router.ts';
import { ClusterApp } from './cluster-app.tsx';
import { startPeerPages } from './peer-pages.tsx';

startRouting();
startLive();
startPeerPages();
render(<ClusterApp />, document.getElementById('app')!);
