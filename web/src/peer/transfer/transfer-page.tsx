import { useState } from 'preact/hooks';
import { send } from '../../api/api-client.ts';
import { Button } from '../../components/button.tsx';
import { Card, StatTile, StatTiles } from '../../components/card.tsx';
import { TextField } from '../../components/field.tsx';
import { LiveChart } from '../../components/live-chart.tsx';
import { Page } from '../../components/page.tsx';
import { toast } from '../../components/toasts.tsx';
import { formatBytes, formatRate } from '../../formatting/bytes.ts';
import { peer } from '../live/peer-live.ts';
import { limitText, readLimit } from './limits.ts';
import { SAMPLE_SECONDS, seriesOf } from './transfer-series.ts';

const SERIES = [
  { label: 'Received', colour: 1, area: true },
  { label: 'Sent', colour: 2, dashed: true },
] as const;
const SPAN_SECONDS = 600;

/** What this peer received and sent, second by second, and its limits. */
export function TransferPage() {
  const transfer = peer.transfer.value!;
  const [down = 0, up = 0] = transfer.samples.at(-1) ?? [];
  const { downloaded, uploaded } = transfer;
  return (
    <Page title="Transfer" note="of all contents together, since this peer started">
      <StatTiles label="Transfer in numbers">
        <StatTile label="Receiving" value={formatRate(down / SAMPLE_SECONDS)} detail="in the last second" />
        <StatTile label="Sending" value={formatRate(up / SAMPLE_SECONDS)} detail="in the last second" />
        <StatTile label="Received" value={formatBytes(downloaded)} detail="since the start" />
        <StatTile
          label="Sent"
          value={formatBytes(uploaded)}
          detail={downloaded === 0 ? 'since the start' : `${(uploaded / downloaded).toFixed(2)} for each byte received`}
        />
      </StatTiles>
      <Card title="The last ten minutes">
        <LiveChart
          title="Bytes a second"
          series={SERIES}
          data={seriesOf(transfer)}
          format={formatRate}
          spanSeconds={SPAN_SECONDS}
          height={260}
          binary
        />
      </Card>
      <Card title="Limits" note="until this peer ends">
        <Limits />
      </Card>
    </Page>
  );
}

function Limits() {
  const { rates } = peer.status.value!;
  const [download, setDownload] = useState(() => limitText(rates.download));
  const [upload, setUpload] = useState(() => limitText(rates.upload));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const limits = { download: readLimit(download), upload: readLimit(upload) };
  const apply = async (event: Event) => {
    event.preventDefault();
    if (limits.download === undefined || limits.upload === undefined) return;
    setBusy(true);
    setError(undefined);
    try {
      await send('PUT', '/api/v1/rates', limits);
      toast('The limits hold from now on');
    } catch (failure) {
      setError((failure as Error).message);
    } finally {
      setBusy(false);
    }
  };
  const wrong = (limit: number | null | undefined) =>
    limit === undefined ? 'Give a number of MiB a second, or nothing for no limit.' : undefined;
  return (
    <form class="limits" onSubmit={apply}>
      <TextField
        label="Receive at most (MiB/s)"
        placeholder="no limit"
        value={download}
        onValue={setDownload}
        error={wrong(limits.download) ?? error}
      />
      <TextField
        label="Send at most (MiB/s)"
        placeholder="no limit"
        value={upload}
        onValue={setUpload}
        error={wrong(limits.upload)}
      />
      <Button type="submit" busy={busy}>
        Apply
      </Button>
    </form>
  );
}
