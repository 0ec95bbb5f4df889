import { effect, signal } from '@preact/signals';
import { useState } from 'preact/hooks';
import type { Settings } from '../../../src/api/schemas.ts';
import { apiOrigin, getJson } from '../api/api-client.ts';
import { Button, LinkButton } from '../components/button.tsx';
import { Dialog } from '../components/dialog.tsx';
import type { IconName } from '../components/icon.tsx';
import { CopyButton } from '../components/text.tsx';
import { cluster, connection } from '../live/cluster-live.ts';
import { addressOf } from '../live/member-address.ts';

/** Where a peer daemon serves its pages unless it was told otherwise; nobody else's machine can be meant. */
const PEER_PAGES = 'http://127.0.0.1:7070';

/** Where the instance knows a peer on the machine of whoever looks; undefined without one, or as long as nobody told. */
const peerPages = signal<string | undefined>(undefined);

/** Once, when the pages start: asks each instance that the page turns to. */
export function startPeerPages(): void {
  effect(() => {
    const origin = apiOrigin.value;
    if (connection.value.state !== 'live' || connection.value.origin !== origin) return;
    const asking = new AbortController();
    getJson<Settings>('/api/v1/settings', asking.signal).then(
      (settings) => {
        peerPages.value = settings.peerPages ?? undefined;
      },
      // What was known stays: the connection says what is wrong.
      () => {},
    );
    return () => asking.abort();
  });
}

/** The address of one of its pages; undefined where no peer is known. */
export function peerPage(path: string): string | undefined {
  return peerPages.value === undefined ? undefined : new URL(path, peerPages.value).href;
}

/**
 * To the pages of the peer on the machine of whoever looks: that shares and downloads, instances only know who does. Where none is
 * known it says how to start one.
 */
export function PeerPagesButton(props: { label: string; icon: IconName; primary?: boolean; path: string }) {
  const { label, icon, primary = false, path } = props;
  const [open, setOpen] = useState(false);
  const close = () => setOpen(false);
  const variant = primary ? 'primary' : 'secondary';
  const href = peerPage(path);
  if (href !== undefined) {
    return (
      <LinkButton icon={icon} variant={variant} href={href}>
        {label}
      </LinkButton>
    );
  }
  const { members, self } = cluster.value!;
  const tracker = addressOf(members.find(({ id }) => id === self) ?? { address: '', clientPort: 0 });
  const command = `bin/swarmkeeper peer${tracker === undefined ? '' : ` --tracker ${tracker}`}`;
  return (
    <>
      <Button icon={icon} variant={variant} onClick={() => setOpen(true)}>
        {label}
      </Button>
      <Dialog
        open={open}
        title={label}
        onClose={close}
        actions={
          <>
            <Button onClick={close}>Cancel</Button>
            <LinkButton variant="primary" href={`${PEER_PAGES}${path}`}>
              Open the peer's pages
            </LinkButton>
          </>
        }
      >
        <p>The peer on your own machine does that, and has pages of its own. If it does not run yet, start it:</p>
        <div class="command">
          <code>{command}</code>
          <CopyButton text={command} label="Copy the command" />
        </div>
      </Dialog>
    </>
  );
}
