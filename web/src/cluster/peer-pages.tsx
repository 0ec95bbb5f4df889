import { useState } from 'preact/hooks';
import { Button, LinkButton } from '../components/button.tsx';
import { Dialog } from '../components/dialog.tsx';
import type { IconName } from '../components/icon.tsx';
import { CopyButton } from '../components/text.tsx';
import { cluster } from '../live/cluster-live.ts';
import { addressOf } from '../live/member-address.ts';

/** Where a peer daemon serves its pages unless it was told otherwise; nobody else's machine can be meant. */
const PEER_PAGES = 'http://127.0.0.1:7070';

/** To the pages of the peer on the machine of whoever looks: that shares and downloads, instances only know who does. */
export function PeerPagesButton(props: { label: string; icon: IconName; primary?: boolean; path: string }) {
  const { label, icon, primary = false, path } = props;
  const [open, setOpen] = useState(false);
  const close = () => setOpen(false);
  const { members, self } = cluster.value!;
  const tracker = addressOf(members.find(({ id }) => id === self) ?? { address: '', clientPort: 0 });
  const command = `bin/swarmkeeper peer${tracker === undefined ? '' : ` --tracker ${tracker}`}`;
  return (
    <>
      <Button icon={icon} variant={primary ? 'primary' : 'secondary'} onClick={() => setOpen(true)}>
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
