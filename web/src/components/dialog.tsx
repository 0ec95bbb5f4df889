import type { ComponentChildren } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Banner } from './banner.tsx';
import { Button } from './button.tsx';

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
  /** Buttons, the most important last. */
  readonly actions: ComponentChildren;
}

/** A native dialog: the browser keeps the focus in it, closes it on Escape, and gives the focus back. It is there while `open`. */
export function Dialog({ open, ...props }: DialogProps & { readonly open: boolean }) {
  return open ? <OpenDialog {...props} /> : null;
}

function OpenDialog({ title, onClose, children, actions }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useLayoutEffect(() => {
    const element = dialog.current!;
    element.showModal();
    // Before it is taken out of the page: only then the focus returns to where it was.
    return () => element.close();
  }, []);
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby={heading} onClose={onClose}>
      <h2 id={heading}>{title}</h2>
      <div class="dialog-body">{children}</div>
      <div class="dialog-actions">{actions}</div>
    </dialog>
  );
}

/** Asks before something that cannot be taken back. It stays and says why when `onConfirm` fails. */
export function ConfirmDialog(props: {
  open: boolean;
  title: string;
  /** What the button says, a verb. */
  confirm: string;
  danger?: boolean;
  onConfirm: () => Promise<void>;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const { open, title, confirm, danger = false, onConfirm, onClose, children } = props;
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string>();
  useEffect(() => {
    if (open) setFailure(undefined);
  }, [open]);
  const run = async () => {
    setBusy(true);
    setFailure(undefined);
    try {
      await onConfirm();
      onClose();
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      open={open}
      title={title}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant={danger ? 'danger' : 'primary'} busy={busy} onClick={run}>
            {confirm}
          </Button>
        </>
      }
    >
      {children}
      {failure !== undefined && <Banner tone="danger" title={failure} />}
    </Dialog>
  );
}
