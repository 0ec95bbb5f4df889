import { render } from 'preact';
import { startRouting } from '../routing/router.ts';
import { ClusterApp } from './cluster-app.tsx';

startRouting();
render(<ClusterApp />, document.getElementById('app')!);
