import { useEffect, useRef, useState } from 'preact/hooks';
import type { PeerContentView } from '../../../../src/api/peer/peer-schemas.ts';
import { Button } from '../../components/button.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { TextField } from '../../components/field.tsx';
import { toastError } from '../../components/toasts.tsx';
import { download, downloadTorrent, show } from '../peer-actions.ts';

/** Gets something that is known by a link, a sha1, its name or a torrent file. */
export function AddDownloadDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const [text, setText] = useState('');
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const file = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (!open) return;
    setText('');
    setError(undefined);
  }, [open]);

  const add = async (adding: () => Promise<PeerContentView>) => {
    setBusy(true);
    setError(undefined);
    try {
      const { sha1 } = await adding();
      onClose();
      show(sha1);
    } catch (failure) {
      setError((failure as Error).message);
    } finally {
      setBusy(false);
    }
  };
  const addText = () => {
    const wanted = text.trim();
    if (wanted === '') setError('Give a link, a sha1 or a name, or choose a torrent file.');
    else void add(() => download(wanted));
  };
  const addFiles = async (files: readonly File[]) => {
    const [first, ...rest] = files;
    if (!first) return;
    await add(() => downloadTorrent(first));
    for (const each of rest) await downloadTorrent(each).catch(toastError);
  };

  return (
    <Dialog
      open={open}
      title="Add a download"
      onClose={onClose}
      actions={
        <>
          <Button icon="file" onClick={() => file.current?.click()}>
            Choose torrent files
          </Button>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" busy={busy} onClick={addText}>
            Download
          </Button>
        </>
      }
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          addText();
        }}
      >
        <TextField
          label="Magnet link, sha1 or name"
          value={text}
          onValue={setText}
          error={error}
          hint="A name is looked for in the contents of the cluster."
        />
      </form>
      <input
        ref={file}
        class="visually-hidden"
        type="file"
        accept=".torrent,application/x-bittorrent"
        aria-label="Torrent files"
        tabIndex={-1}
        multiple
        onChange={(event) => {
          const { files } = event.currentTarget;
          void addFiles([...(files ?? [])]);
          event.currentTarget.value = '';
        }}
      />
    </Dialog>
  );
}
