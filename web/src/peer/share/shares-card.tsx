import type { ShareView } from '../../../../src/api/peer/peer-schemas.ts';
import { Badge } from '../../components/badge.tsx';
import { IconButton } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { ProgressBar } from '../../components/progress-bar.tsx';
import { Name } from '../../components/text.tsx';
import { formatBytes } from '../../formatting/bytes.ts';
import { peer } from '../live/peer-live.ts';
import { dismissShare } from '../peer-actions.ts';
import { uploads } from './drop-zone.tsx';

/** What is on its way to be shared, the newest first, and what became of it. */
export function SharesCard() {
  const shares = peer.shares.value.toReversed();
  const waiting = uploads.waiting.value;
  if (shares.length === 0 && waiting.length === 0) return null;
  return (
    <Card title="Under way and done" flush>
      <ul class="shares">
        {waiting.map(({ id, file }) => (
          <li key={`waiting ${id}`} class="share">
            <div class="share-text">
              <Name value={file.name} />
              <span class="cell-sub">{formatBytes(file.size)}, waits to be sent</span>
            </div>
            <IconButton icon="cross" label={`Do not send ${file.name}`} onClick={() => uploads.remove(id)} />
          </li>
        ))}
        {shares.map((share) => (
          <Share key={share.id} share={share} />
        ))}
      </ul>
    </Card>
  );
}

function Share({ share }: { share: ShareView }) {
  const { id, path, state, sha1, error } = share;
  const name =
    path
      .replace(/[\\/]+$/, '')
      .split(/[\\/]/)
      .at(-1) ?? path;
  const isOver = state === 'done' || state === 'failed';
  return (
    <li class="share">
      <div class="share-text">
        {sha1 === null ? (
          <Name value={name} />
        ) : (
          <a class="cell-link" href={`/downloads/${sha1}`}>
            <Name value={name} />
          </a>
        )}
        <span class={state === 'failed' ? 'share-error' : 'cell-sub'}>{error?.message ?? inWords(share)}</span>
      </div>
      {!isOver && (
        <div class="share-progress">
          <ProgressBar label={name} value={progressOf(share)} />
        </div>
      )}
      {state === 'done' && (
        <Badge tone="ok" icon="check">
          Shared
        </Badge>
      )}
      {state === 'failed' && (
        <Badge tone="danger" icon="error">
          Failed
        </Badge>
      )}
      <IconButton
        icon="cross"
        label={isOver ? `Take ${name} from the list` : `Call off ${name}`}
        onClick={() => dismissShare(id)}
      />
    </li>
  );
}

function inWords({ state, bytesReceived, bytesHashed, size }: ShareView): string {
  const all = size === null ? '' : ` of ${formatBytes(size)}`;
  switch (state) {
    case 'receiving':
      return `Sending to the peer: ${formatBytes(bytesReceived ?? 0)}${all}`;
    case 'waiting':
      return 'Waits until others are hashed';
    case 'hashing':
      return size === null ? 'Looking for its files' : `Hashing: ${formatBytes(bytesHashed)}${all}`;
    default:
      return size === null ? '' : formatBytes(size);
  }
}

function progressOf({ state, bytesReceived, bytesHashed, size }: ShareView): number | undefined {
  if (size === null || state === 'waiting') return undefined;
  if (size === 0) return 1;
  return (state === 'receiving' ? (bytesReceived ?? 0) : bytesHashed) / size;
}
