import { useState } from 'preact/hooks';
import { Button } from '../../components/button.tsx';
import { TextField } from '../../components/field.tsx';
import { share } from '../peer-actions.ts';

/** Shares a path of the machine where the peer runs, without copying it. */
export function PathForm() {
  const [path, setPath] = useState('');
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (path.trim() === '') return setError('Give the path of a file or folder.');
    setBusy(true);
    setError(undefined);
    try {
      await share({ path: path.trim() });
      setPath('');
    } catch (failure) {
      setError((failure as Error).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="path-form" onSubmit={submit}>
      <TextField
        label="Path of a file or folder on this machine"
        placeholder="/home/me/films"
        value={path}
        onValue={setPath}
        error={error}
        hint="It stays where it is: nothing is copied. A folder is shared whole."
      />
      <Button type="submit" icon="share" busy={busy}>
        Share it
      </Button>
      <p class="soft">
        To choose from a list here, start the peer with <code>--share-folder FOLDER</code>. Nothing else can be shared
        by its path then.
      </p>
    </form>
  );
}
