import { render } from 'preact';
import { startLive } from '../live/cluster-live.ts';
import { startRouting } from '../routing/router.ts';
import { ClusterApp } from './cluster-app.tsx';

startRouting();
startLive();
render(<ClusterApp />, document.getElementById('app')!);
