import type { ReadonlySignal } from '@preact/signals';
import { useState } from 'preact/hooks';
import type { PeerContentView } from '../../../../src/api/peer/peer-schemas.ts';
import { Badge } from '../../components/badge.tsx';
import { Banner } from '../../components/banner.tsx';
import { Button } from '../../components/button.tsx';
import { Card, Fact, Facts, StatTile, StatTiles } from '../../components/card.tsx';
import { ConfirmDialog } from '../../components/dialog.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { Page } from '../../components/page.tsx';
import { ProgressBar } from '../../components/progress-bar.tsx';
import { CopyButton, Name, Sha1 } from '../../components/text.tsx';
import { formatBytes, formatRate } from '../../formatting/bytes.ts';
import { formatCount, formatPercent, formatPlural } from '../../formatting/numbers.ts';
import { navigate } from '../../routing/router.ts';
import { peer } from '../live/peer-live.ts';
import { pause, recheck, remove, resume } from '../peer-actions.ts';
import { type ContentLive, useContentLive } from './content-live.ts';
import { magnetLink, progressOf, stateOf, timeLeft } from './content-words.ts';
import { FilesCard } from './files-card.tsx';
import { PeersCard } from './peers-card.tsx';
import { PiecesCard } from './pieces-card.tsx';

const BACK = { href: '/', label: 'Downloads' };

/** One content: how far it is, its pieces, its peers, its files. */
export function ContentPage({ sha1 }: { sha1: string }) {
  // Followed, so that one that comes is shown and one that goes is not.
  const isHere = peer.contents.value.length > 0;
  const content = isHere ? peer.content(sha1) : undefined;
  if (!content) {
    return (
      <Page title="Download" back={BACK}>
        <Card>
          <EmptyState
            icon="search"
            title="This peer neither gets nor shares it"
            action={<a href="/contents">See what there is</a>}
          >
            It may have been removed.
          </EmptyState>
        </Card>
      </Page>
    );
  }
  return <Content key={sha1} content={content} />;
}

function Content({ content }: { content: ReadonlySignal<PeerContentView> }) {
  const { sha1, name } = content.value;
  const live = useContentLive(sha1);
  return (
    <Page
      title={name ?? sha1}
      heading={<Name value={name} fallback={`${sha1.slice(0, 16)}…`} />}
      note={<State content={content} />}
      back={BACK}
      actions={<Actions content={content} />}
    >
      <Trouble content={content} />
      <Numbers content={content} />
      <PiecesCard name={name ?? sha1} live={live} />
      <div class="content-columns">
        <PeersCard name={name ?? sha1} live={live} />
        <FilesCard content={content} />
      </div>
      <Details content={content} live={live} />
    </Page>
  );
}

function State({ content }: { content: ReadonlySignal<PeerContentView> }) {
  const { label, icon, tone } = stateOf(content.value);
  return (
    <Badge tone={tone} icon={icon}>
      {label}
    </Badge>
  );
}

function Actions({ content }: { content: ReadonlySignal<PeerContentView> }) {
  const { sha1, name, state, folder } = content.value;
  const [asking, setAsking] = useState(false);
  return (
    <>
      {state === 'paused' ? (
        <Button variant="primary" icon="play" onClick={() => resume(sha1)}>
          Resume
        </Button>
      ) : (
        <Button icon="pause" onClick={() => pause(sha1)}>
          Pause
        </Button>
      )}
      <Button icon="refresh" disabled={state === 'checking' || state === 'metadata'} onClick={() => recheck(sha1)}>
        Re-check
      </Button>
      <Button icon="trash" onClick={() => setAsking(true)}>
        Remove
      </Button>
      <ConfirmDialog
        open={asking}
        title="Remove it from this peer?"
        confirm="Remove"
        danger
        onConfirm={async () => {
          // This page asks for what is in it: it goes before that does.
          navigate('/');
          await remove(sha1);
        }}
        onClose={() => setAsking(false)}
      >
        <p>
          <bdi class="wrap">{name ?? sha1}</bdi> is no longer fetched or shared. Its files stay in{' '}
          <bdi class="wrap">{folder}</bdi>.
        </p>
      </ConfirmDialog>
    </>
  );
}

/** What keeps it from going on. */
function Trouble({ content }: { content: ReadonlySignal<PeerContentView> }) {
  const { sha1, state, reason, peers, trackerError } = content.value;
  if (reason !== null) {
    return (
      <Banner
        tone="danger"
        title="It was stopped, since something is wrong"
        actions={
          <Button size="small" onClick={() => resume(sha1)}>
            Try again
          </Button>
        }
      >
        {reason}
      </Banner>
    );
  }
  if (state === 'metadata') {
    return (
      <Banner tone="info" title="What it consists of is asked from peers that have it">
        Only its sha1 is known so far. This takes a moment where somebody shares it.
      </Banner>
    );
  }
  if (state === 'downloading' && peers === 0) {
    return (
      <Banner tone="warning" title="Nobody who has it is connected">
        {trackerError ?? 'It goes on by itself when somebody shares it.'}
      </Banner>
    );
  }
  return null;
}

function Numbers({ content }: { content: ReadonlySignal<PeerContentView> }) {
  const view = content.value;
  const { downSpeed, upSpeed, downloaded, uploaded, peers, seeders, leechers, state } = view;
  const progress = progressOf(view);
  return (
    <div class="content-numbers">
      <StatTiles label="How far it is">
        <StatTile
          label="Progress"
          value={progress === undefined ? '–' : formatPercent(progress)}
          detail={progressDetail(view)}
        />
        <StatTile
          label="Receiving"
          value={formatRate(downSpeed)}
          detail={`${formatBytes(downloaded)} since the start`}
        />
        <StatTile label="Sending" value={formatRate(upSpeed)} detail={`${formatBytes(uploaded)} since the start`} />
        <StatTile
          label="Peers connected"
          value={formatCount(peers)}
          detail={
            seeders === null
              ? 'no tracker told of others yet'
              : `${formatPlural(seeders, 'seeder')}, ${formatPlural(leechers ?? 0, 'leecher')} in all`
          }
        />
      </StatTiles>
      <div class="content-progress">
        <ProgressBar
          label="Progress of the whole"
          value={progress}
          tone={state === 'seeding' ? 'ok' : 'accent'}
          text=""
        />
      </div>
    </div>
  );
}

function progressDetail(view: PeerContentView): string {
  const { size, bytesDone, state } = view;
  if (size === null) return 'size unknown';
  if (state === 'seeding') return `all ${formatBytes(size)} are here`;
  const left = timeLeft(view);
  return `${formatBytes(bytesDone)} of ${formatBytes(size)}${left === undefined ? '' : `, ${left} left`}`;
}

function Details({ content, live }: { content: ReadonlySignal<PeerContentView>; live: ContentLive }) {
  const { sha1, name, folder, isPrivate, trackerError } = content.value;
  const map = live.map.value;
  const magnet = magnetLink({ sha1, name });
  return (
    <Card title="Details">
      <Facts>
        <Fact label="Sha1">
          <span class="with-copy">
            <Sha1 value={sha1} short={false} /> <CopyButton text={sha1} label="Copy the sha1" />
          </span>
        </Fact>
        <Fact label="Magnet link">
          <span class="with-copy">
            <a href={magnet}>For other clients</a> <CopyButton text={magnet} label="Copy the magnet link" />
          </span>
        </Fact>
        <Fact label="Folder">
          <bdi class="wrap">{folder}</bdi>
        </Fact>
        {map && (
          <Fact label="Pieces">
            {formatPlural(map.pieces.length, 'piece')} of {formatBytes(map.pieceLength)}
          </Fact>
        )}
        {isPrivate && <Fact label="Private">Only its own trackers are told of it (BEP 27)</Fact>}
        {trackerError !== null && <Fact label="Last announce">{trackerError}</Fact>}
      </Facts>
    </Card>
  );
}
