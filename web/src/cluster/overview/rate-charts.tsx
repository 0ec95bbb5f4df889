import { Card } from '../../components/card.tsx';
import { type ChartSeries, LiveChart } from '../../components/live-chart.tsx';
import { formatBytes } from '../../formatting/bytes.ts';
import { formatLatency } from '../../formatting/durations.ts';
import { formatCompact } from '../../formatting/numbers.ts';
import { samples } from '../../live/cluster-live.ts';
import { chartData, type Measure } from './chart-data.ts';

interface Chart {
  readonly title: string;
  readonly format: (value: number) => string;
  readonly binary?: boolean;
  readonly lines: readonly (ChartSeries & { readonly of: Measure })[];
}

const SPAN_SECONDS = 300;

const CHARTS: readonly Chart[] = [
  {
    title: 'Answers per second',
    format: formatCompact,
    lines: [
      { of: 'replies', label: 'all', colour: 1, area: true },
      { of: 'announces', label: 'announces', colour: 3 },
      { of: 'arrivals', label: 'logged', colour: 2, dashed: true },
    ],
  },
  {
    title: 'Time to answer',
    format: formatLatency,
    lines: [
      { of: 'p50Ms', label: 'median', colour: 1 },
      { of: 'p99Ms', label: '99%', colour: 4, dashed: true },
    ],
  },
  {
    title: 'Time to commit on a quorum',
    format: formatLatency,
    lines: [
      { of: 'commitP50Ms', label: 'median', colour: 3 },
      { of: 'commitP99Ms', label: '99%', colour: 2, dashed: true },
    ],
  },
  {
    title: 'Peers',
    format: formatCompact,
    lines: [
      { of: 'seeders', label: 'seeders', colour: 3 },
      { of: 'leechers', label: 'leechers', colour: 2, dashed: true },
    ],
  },
  {
    title: 'Memory of this instance',
    format: formatBytes,
    binary: true,
    lines: [{ of: 'rssBytes', label: 'resident', colour: 4, area: true }],
  },
  {
    title: 'Processor of this instance',
    format: (cores) => `${(cores * 100).toFixed(0)}%`,
    lines: [{ of: 'cpu', label: 'of one core', colour: 1, area: true }],
  },
];

/** The last five minutes of the instance that is connected. */
export function RateCharts() {
  return (
    <Card title="The last five minutes" note="as this instance counts">
      <div class="chart-grid">
        {CHARTS.map(({ title, format, binary = false, lines }) => (
          <LiveChart
            key={title}
            title={title}
            series={lines}
            format={format}
            binary={binary}
            spanSeconds={SPAN_SECONDS}
            data={chartData(
              samples.value,
              lines.map(({ of }) => of),
            )}
          />
        ))}
      </div>
    </Card>
  );
}
