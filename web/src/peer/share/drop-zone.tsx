import { useRef, useState } from 'preact/hooks';
import { Button } from '../../components/button.tsx';
import { Icon } from '../../components/icon.tsx';
import { toast, toastError } from '../../components/toasts.tsx';
import { upload } from '../peer-actions.ts';
import { UploadQueue } from './upload-queue.ts';

/** Goes on whatever page is shown. */
export const uploads = new UploadQueue(async (file) => {
  await upload(file).catch(toastError);
});

// Who leaves meanwhile is asked whether they mean it: what was not sent would not be shared.
addEventListener('beforeunload', (event) => {
  if (uploads.isBusy) event.preventDefault();
});

/** Takes files that are dropped on it, or chosen. @param folder where the peer keeps them */
export function DropZone({ folder }: { folder: string }) {
  const [isOver, setIsOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setIsOver(false);
    const items = [...(event.dataTransfer?.items ?? [])];
    const folders = items.filter((item) => item.webkitGetAsEntry()?.isDirectory).length;
    const files = items
      .filter((item) => item.kind === 'file' && !item.webkitGetAsEntry()?.isDirectory)
      .map((item) => item.getAsFile())
      .filter((file) => file !== null);
    if (folders > 0) toast('A folder cannot be dropped: share it from where it lies, or drop its files', 'danger');
    add(files);
  };
  return (
    <section
      class={`drop-zone${isOver ? ' drop-zone-over' : ''}`}
      aria-label="Files to share"
      onDragOver={(event) => {
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={() => setIsOver(false)}
      onDrop={drop}
    >
      <Icon name="share" size={28} />
      <p class="drop-zone-title">Drop files here</p>
      <Button variant="primary" icon="plus" onClick={() => input.current?.click()}>
        Choose files
      </Button>
      <input
        ref={input}
        class="visually-hidden"
        type="file"
        multiple
        aria-label="Files to share"
        tabIndex={-1}
        onChange={(event) => {
          add([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = '';
        }}
      />
      <p class="soft">
        They are copied to <bdi class="wrap">{folder}</bdi>
      </p>
    </section>
  );
}

function add(files: readonly File[]): void {
  const refused = uploads.add(files);
  if (refused > 0) toast(`${refused} files are too many at once; add them when others are done`, 'danger');
}
